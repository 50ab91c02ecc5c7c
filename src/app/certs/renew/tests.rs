//! Leaves near the end of their CA: what no command makes, for a CA that it makes has years to go.

use std::time::Duration;

use super::super::ending::ending;
use super::super::folder::{BUNDLE, INTERMEDIATE, INTERMEDIATE_KEY, KEY, Mode};
use super::super::make::{Order, issue};
use super::super::rotate;
use super::*;
use crate::id::TrustDomain;
use crate::tls::{Authority, INTERMEDIATE_LIFE, ROOT_LIFE};

const HOUR: i64 = 3600;

/// A folder of its own, which is gone afterwards.
struct Made {
    folder: Folder,
    now: Moment,
}

impl Drop for Made {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(self.folder.path()));
    }
}

fn mesh() -> TrustDomain {
    TrustDomain::new("11111111-2222-3333-4444-555555555555.consul")
}

/// When a CA with that life was made that ends in an hour.
fn begun(now: Moment, life: Duration) -> Moment {
    Moment(now.0 - life.as_secs().cast_signed() + HOUR)
}

impl Made {
    /// A folder with a root of that age.
    fn root_of(name: &str, made: fn(Moment) -> Moment) -> Self {
        let now = Moment::now();
        let folder = Folder::at(std::env::temp_dir().join(format!("gw-{name}-{}", std::process::id())));
        std::fs::create_dir_all(folder.path()).unwrap();
        let root = Authority::root(&mesh(), made(now)).unwrap();
        folder.write(KEY, &root.key_pem(), Mode::Secret).unwrap();
        folder.write(BUNDLE, &pem::text_of(&[root.certificate().clone()]), Mode::Public).unwrap();
        Self { folder, now }
    }

    fn leaf(&self) -> X509 {
        Leaf::of(&self.folder, "web").says.unwrap()
    }
}

#[test]
fn a_leaf_that_ends_with_its_ca_is_not_renewed_again_and_again() {
    let made = Made::root_of("end", |now| begun(now, ROOT_LIFE));
    issue(&made.folder, &Order::service("web")).unwrap();
    let (first, names) = (made.leaf(), ["web".to_owned()]);
    let later = Moment(made.now.0 + HOUR - 60);
    assert!(first.until == Moment(made.now.0 + HOUR) && first.renew_at() < later, "{first:?}");
    assert_eq!(next(&made.folder, &names, later).unwrap(), None);
    assert_eq!(renew(&made.folder, &names, |_| 0.001).unwrap().wrote, Vec::<PathBuf>::new());
    assert_eq!(renew(&made.folder, &names, |_| 0.0).unwrap().wrote.len(), 2, "who wants another key has it");
    let over = Moment(made.now.0 + HOUR + 1);
    assert_eq!(next(&made.folder, &names, over).unwrap(), Some(over), "that nothing serves any more is not passed over");
}

#[test]
fn the_length_to_which_the_end_of_a_ca_cut_a_leaf_is_not_handed_on() {
    let made = Made::root_of("cut", |now| begun(now, ROOT_LIFE));
    issue(&made.folder, &Order::service("web")).unwrap();
    rotate::start(&made.folder).unwrap();
    assert_eq!(renew_due(&made.folder, &[]).unwrap().wrote.len(), 2);
    assert_eq!(life_of(&made.leaf()), Duration::from_hours(72));
    // One that was asked for is.
    issue(&made.folder, &Order { ttl: Some(Duration::from_hours(2)), force: true, ..Order::service("web") }).unwrap();
    renew(&made.folder, &[], |_| 0.0).unwrap();
    assert_eq!(life_of(&made.leaf()), Duration::from_hours(2));
}

impl Made {
    /// An intermediate that was made at that moment, of the root that is there.
    fn below(&self, made: Moment) {
        let below = self.folder.root().unwrap().intermediate(&mesh(), made).unwrap();
        self.folder.write(INTERMEDIATE_KEY, &below.key_pem(), Mode::Secret).unwrap();
        self.folder.write(INTERMEDIATE, &pem::text_of(&[below.certificate().clone()]), Mode::Public).unwrap();
    }
}

#[test]
fn an_intermediate_is_renewed_at_its_time_and_not_where_its_root_ends_with_it() {
    let made = Made::root_of("below", |now| now);
    let names = [BELOW.to_owned()];
    assert!(!renews_below(&made.folder), "there is none");
    made.below(begun(made.now, INTERMEDIATE_LIFE));
    let first = Leaf::of(&made.folder, BELOW).says.unwrap();
    assert_eq!(next(&made.folder, &names, made.now).unwrap(), Some(first.renew_at()));
    assert_eq!(renew_due(&made.folder, &names).unwrap().wrote.len(), 2);
    let second = next(&made.folder, &names, made.now).unwrap().unwrap();
    assert!(second > made.now, "it is good for a while");
    // A run that died after it wrote the key: nothing could be signed, ever.
    made.folder.write(INTERMEDIATE_KEY, &Authority::root(&mesh(), made.now).unwrap().key_pem(), Mode::Secret).unwrap();
    assert_eq!(next(&made.folder, &names, made.now).unwrap(), Some(made.now));
    assert_eq!(renew_due(&made.folder, &names).unwrap().wrote.len(), 2);
    assert!(renews_below(&made.folder) && made.folder.ca().is_ok());

    let made = Made::root_of("below-ends", |now| begun(now, ROOT_LIFE));
    made.below(begun(made.now, INTERMEDIATE_LIFE));
    assert_eq!(next(&made.folder, &names, made.now).unwrap(), None, "the next one would end with the root as this one does");
    assert_eq!(renew_due(&made.folder, &names).unwrap().wrote, Vec::<PathBuf>::new());
}

#[test]
fn the_end_of_a_ca_is_told_of_with_what_puts_another_one_in_its_place() {
    let made = Made::root_of("ending", |now| begun(now, ROOT_LIFE));
    let text = ending(&made.folder, made.now).unwrap().unwrap();
    assert!(text.contains(&format!("gw certs rotate --dir {}", made.folder.path().display())), "{text}");
    rotate::start(&made.folder).unwrap();
    assert_eq!(ending(&made.folder, made.now).unwrap(), None);

    let made = Made::root_of("ending-below", |now| Moment(now.0 - INTERMEDIATE_LIFE.as_secs().cast_signed()));
    made.below(begun(made.now, INTERMEDIATE_LIFE));
    let text = ending(&made.folder, made.now).unwrap().unwrap();
    assert!(text.contains("gw certs renew ca-intermediate --dir"), "{text}");
    renew(&made.folder, &["ca-intermediate".to_owned()], |_| 0.66).unwrap();
    assert_eq!(ending(&made.folder, made.now).unwrap(), None);
}
