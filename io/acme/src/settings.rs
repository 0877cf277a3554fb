//! What the manager is told: the plan's settings, where to keep things, and how patient to be.
//!
//! Nothing is read from disk here; files are opened when they are needed, so that a mended one is noticed.

use std::path::PathBuf;
use std::time::Duration;

use evener_plan::Acme;

/// Where certificates are ordered and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// Directory, contact, trust, account binding and the time of renewal.
    pub acme: Acme,
    /// The folder of evener's state; everything of this crate goes into its subfolder `acme`.
    pub state_dir: PathBuf,
    /// Waits and deadlines.
    pub pace: Pace,
}

impl AcmeSettings {
    /// Settings with the usual pace.
    pub fn new(acme: Acme, state_dir: PathBuf) -> Self {
        Self { acme, state_dir, pace: Pace::default() }
    }
}

/// Waits and deadlines. Only tests have a reason to use others than the default ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Until when one request to the authority must be answered.
    pub request: Duration,
    /// Until when a whole order must be over.
    pub order: Duration,
    /// The first wait between two looks at an order; later ones grow.
    pub poll: Duration,
    /// The wait after the first failure to reach the authority; each further one in a row doubles it.
    pub outage_first: Duration,
    /// The longest wait after such a failure, unless the authority asks for more.
    pub outage_max: Duration,
    /// The wait after the first failure that the authority counts; each further one in a row doubles it.
    pub pause_first: Duration,
    /// The longest wait after such a failure, unless the authority asks for more.
    pub pause_max: Duration,
    /// How long a host is left alone after it got a certificate, whatever the clock or the authority says.
    pub rest: Duration,
    /// How often the authority is asked when to renew, unless it says so itself.
    pub ask: Duration,
    /// How long after a failure a certificate is stored again.
    pub store_again: Duration,
    /// The longest sleep: a step of the wall clock is noticed after this time.
    pub tick: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            order: Duration::from_secs(5 * 60),
            poll: Duration::from_millis(250),
            outage_first: Duration::from_secs(2),
            outage_max: Duration::from_secs(3600),
            // Let's Encrypt admits five failed validations of a host in an hour. With this first step the sixth comes
            // later, whatever the jitter.
            pause_first: Duration::from_secs(180),
            pause_max: Duration::from_secs(12 * 3600),
            rest: Duration::from_secs(3600),
            ask: Duration::from_secs(6 * 3600),
            store_again: Duration::from_secs(5 * 60),
            tick: Duration::from_secs(60),
        }
    }
}
