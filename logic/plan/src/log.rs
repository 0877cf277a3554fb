//! Where access log lines go and how they look. Writing them is the work of `evener-observe`.

/// Settings of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlan {
    /// Where lines go.
    pub access: LogTarget,
    /// How a line looks.
    pub format: AccessFormat,
}

/// A place for log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// No access log.
    Off,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file by its path, opened for appending and reopened on USR1.
    File(String),
}

/// How a line of the access log looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessFormat {
    /// One JSON object a line.
    Json,
    /// The combined format of Apache and nginx.
    Combined,
    /// The common log format.
    Common,
    /// Text with names in braces.
    Template(Vec<TemplatePart>),
}

/// A piece of an access log template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text as it stands.
    Text(String),
    /// The value of a field by its name, such as `status`; `evener-config` admits only names that exist.
    Field(String),
}
