//! What is asked of the connections of one listener.

use evener_plan::{AcceptProxy, Listen, Plan};

/// One listener's way in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Whose PROXY header is believed, and required.
    pub(crate) accept_proxy: Option<AcceptProxy>,
    /// TLS ends here.
    pub(crate) is_tls: bool,
    /// HTTP/2 may begin in the clear.
    pub(crate) is_http2: bool,
    /// It leads to services of layer 4.
    pub(crate) is_tcp: bool,
    /// The service without names, by its index.
    pub(crate) nameless: Option<usize>,
}

impl Door {
    /// The door of a listener; `None` if plain HTTP/1 is all that is spoken there.
    pub(crate) fn new(plan: &Plan, listen: Listen) -> Option<Self> {
        let mut services = plan.tcp.iter().enumerate().filter(|(_, service)| service.listen.contains(&listen));
        if let Some((_, service)) = services.clone().next() {
            let nameless = services.find(|(_, service)| service.hosts.is_empty()).map(|(index, _)| index);
            return Some(Self {
                accept_proxy: service.accept_proxy.clone(),
                is_tls: false,
                is_http2: false,
                is_tcp: true,
                nameless,
            });
        }
        // All sites of a listener agree on these.
        let site = plan.sites.iter().find(|site| site.listen.contains(&listen))?;
        let is_tls = site.tls.is_some();
        let is_http2 = !is_tls && site.http2;
        let accept_proxy = site.accept_proxy.clone();
        let is_plain = !is_tls && !is_http2 && accept_proxy.is_none();
        (!is_plain).then_some(Self { accept_proxy, is_tls, is_http2, is_tcp: false, nameless: None })
    }
}
