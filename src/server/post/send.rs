//! One delivery: a signed POST.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use exchange::config::Webhook;
use reqwest::Url;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Outcome;
use super::outbox::Due;
use crate::server::clock;
use crate::server::sign::{self, Signer};

/// A receiver that takes longer has not taken it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What it takes to send.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) client: reqwest::Client,
    pub(super) runtime: Handle,
}

impl Sending {
    /// Sends, and tells how it went.
    pub(super) fn send(
        &self,
        (name, hook): (&str, &Arc<Webhook>),
        due: Due,
        outcomes: Sender<Outcome>,
    ) {
        let (client, hook) = (self.client.clone(), Arc::clone(hook));
        let mut outcome = Outcome {
            hook: name.to_owned(),
            number: due.number,
            tries: due.tries,
            arrived: false,
            why: String::new(),
        };
        self.runtime.spawn(async move {
            match timeout(PATIENCE, post(&client, &hook, due)).await {
                Ok(Ok(())) => outcome.arrived = true,
                Ok(Err(why)) => outcome.why = why,
                Err(_) => outcome.why = "no answer in time".to_owned(),
            }
            // A thread that is gone has nothing to write down.
            outcomes.send(outcome).ok();
        });
    }
}

/// Any status of 200 to 299 says that it has arrived; what else the receiver says is not
/// read.
async fn post(client: &reqwest::Client, hook: &Webhook, due: Due) -> Result<(), String> {
    let url = Url::parse(&hook.url).map_err(|error| error.to_string())?;
    let signer = Signer::new(&hook.secret).map_err(|error| error.to_string())?;
    let target = sign::target(&url);
    let signature = signer.sign(clock::wall(), ("POST", &target), due.body.as_bytes());
    let request = client
        .post(url)
        .header("Content-Type", "application/json")
        .header(sign::HEADER, signature)
        .body(due.body);
    // Its text would carry the address, which may hold a token.
    let response = request.send().await;
    let response = response.map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("status {}", status.as_u16())),
    }
}
