//! What must hold for any bytes whatever: unit tests and fuzz targets run the same checks.
//!
//! Single inputs with a known result are not here, but in the tables beside the code.

/// Any text as a request of HTTP/1.1 that a server is asked over HTTP/2.
pub fn asked_texts(data: &[u8]) {
    crate::convert::check::asked_texts(data);
}

/// Any pieces as a server's answer over HTTP/2 that becomes text.
pub fn answer_texts(data: &[u8]) {
    crate::convert::check::answer_texts(data);
}

#[cfg(test)]
mod tests;
