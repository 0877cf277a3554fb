//! The form that all faults of the crate share: a status, a stable reason code and a sentence.
//! It holds no fault of its own.

/// Declares a fault enum: `Variant = status, "reason_code", "sentence";`.
macro_rules! faults {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $status:literal, $reason:literal, $sentence:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = $sentence] $variant,)*
        }

        impl $name {
            /// Every fault, for tables and documents.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The status that the client gets.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                }
            }

            /// The stable reason code for logs, metrics and headers.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$variant => $reason,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self {
                    $(Self::$variant => $sentence,)*
                })
            }
        }

        impl std::error::Error for $name {}
    };
}

pub(crate) use faults;
