//! A Consul, asked by commands: one question after the other, on no runtime of its caller's.

pub mod apply;
pub mod change;
pub mod stored;
pub mod verify;

use tokio::runtime::{Builder, Runtime};

use crate::source::consul::call::Call;
use crate::source::consul::client::Client;

pub use crate::source::consul::answer::{Answer, Why};
pub use crate::source::consul::client::{AskError, Unreached};
pub use crate::source::consul::settings::{Flags, Secret, Settings, SettingsError};

/// A Consul that answers one after the other.
#[derive(Debug)]
pub struct Consul {
    client: Client,
    runtime: Runtime,
}

impl Consul {
    /// The one of these settings; nothing is asked yet.
    pub fn of(settings: Settings) -> Result<Self, AskError> {
        crate::tls::install();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime needs no more than descriptors");
        // The client belongs to the runtime that its connections live on.
        let client = runtime.block_on(async { Client::new(settings) })?;
        Ok(Self { client, runtime })
    }

    /// Who is asked, for the one who reads.
    pub fn name(&self) -> String {
        self.client.settings().agent.to_string()
    }

    pub(in crate::app) fn ask<T>(&self, call: &Call<T>) -> Result<Answer<T>, AskError> {
        self.runtime.block_on(self.client.ask(call))
    }
}
