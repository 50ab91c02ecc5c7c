//! Memory that was freed, given back to the system when a burst of work is over.
//!
//! The allocator keeps what is freed for a second, for it is mostly wanted again at once, and looks whether that is over only when the
//! next of its pages is freed. A process that rests frees none: after changes among a thousand services it kept 20 MiB for nobody
//! (docs/performance.md). It has no other door than to free a page.

use std::hint::black_box;
use std::time::Duration;

/// After this what was freed is wanted no more.
pub const UNWANTED: Duration = Duration::from_millis(1500);

/// A page of its own, which nobody writes to.
const PAGE: usize = 1 << 20;

/// Has the allocator look, [`UNWANTED`] after the last of the work.
pub fn give_back() {
    drop(black_box(Vec::<u8>::with_capacity(PAGE)));
}
