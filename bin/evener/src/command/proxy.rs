//! `evener proxy`: the config that its options stand for.

use crate::cli::Proxy;
use crate::source::quoted;

/// The config. Every value was judged when the command line was read; only names may still have no address, and two
/// options may not go together.
pub(crate) fn config(options: &Proxy) -> String {
    let servers: Vec<String> = options.to.iter().map(|server| quoted(server)).collect();
    let mut config = format!(
        "[log]\naccess = {}\n\n[[site]]\nlisten = {}\nto = \"servers\"\n\n[upstream.servers]\nservers = [{}]\nbalance = {}\n",
        quoted(&options.access_log),
        quoted(&options.listen),
        servers.join(", "),
        quoted(&options.balance),
    );
    for (key, value) in [("hash_key", &options.hash_key), ("health", &options.health)] {
        if let Some(value) = value {
            config.push_str(&format!("{key} = {}\n", quoted(value)));
        }
    }
    config
}
