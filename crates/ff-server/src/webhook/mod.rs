//! Webhooks: changes told to other services by HTTP, as Standard Webhooks has it.
//!
//! [`draft`] reads what people set, [`target`] and [`networks`] say where a webhook may lead and [`roots`] whom to believe there,
//! [`message`] makes and signs what is sent, [`sender`] makes one attempt, [`retry`] says what follows from its outcome. `turn` delivers the events of one webhook in order for a
//! while, and `deliverer` gives the webhooks of all tenants their turns. `upkeep` is done by servers that deliver nothing, too.

mod deliverer;
pub mod draft;
pub mod message;
pub mod networks;
pub mod retry;
pub mod roots;
pub mod sender;
pub mod target;
mod turn;
mod unsecured;
pub(crate) mod upkeep;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::deliverer::Deliverer;
use self::sender::Sender;
use crate::config::WebhookConfig;

/// Attempts at a time that people ask for, by a test or a redelivery. Each takes a thread that the database needs too.
const REQUESTED_MAX: usize = 8;

/// What all requests and the deliverer share.
#[derive(Debug)]
pub struct Webhooks {
    /// How webhooks are delivered here.
    pub config: WebhookConfig,
    /// Makes attempts.
    pub sender: Sender,
    requested: Arc<Semaphore>,
}

impl Webhooks {
    /// As configured.
    pub fn new(config: WebhookConfig) -> Self {
        let sender = Sender::new(config.networks.clone(), &config.roots, config.timeout);
        Self { config, sender, requested: Arc::new(Semaphore::new(REQUESTED_MAX)) }
    }

    /// The right to make an attempt that somebody asks for; none, while too many others are.
    pub fn request(&self) -> Option<OwnedSemaphorePermit> {
        self.requested.clone().try_acquire_owned().ok()
    }
}
