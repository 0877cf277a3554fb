//! What can be wrong with a request head, with the status each fault is worth.
//! Writing the answer is not done here.

use crate::connection::OptionFault;
use crate::fault::faults;
use crate::line::LineFault;
use crate::transfer::TransferFault;

faults! {
    /// What is wrong with a request head. The client is at fault in every case; the connection must be closed.
    RequestFault {
        BareLf = 400, "bare_lf", "a line of the head ends without CR";
        BareCr = 400, "bare_cr", "a CR in the head is not followed by LF";
        ControlByte = 400, "control_byte", "the head holds a control byte";
        TooManyEmptyLines = 400, "empty_lines", "too many empty lines before the request line";
        BadRequestLine = 400, "bad_request_line", "the request line is not method, target and version";
        BadMethod = 400, "bad_method", "the method is not a token";
        MethodTooLong = 501, "method_too_long", "the method is too long";
        BadTarget = 400, "bad_target", "the request-target is malformed";
        BadAuthority = 400, "bad_authority", "the authority of the request-target is malformed";
        BadEscape = 400, "bad_path_escape", "the path holds a malformed escape or an encoded NUL";
        PathAboveRoot = 400, "path_above_root", "the path leads above the root";
        TargetTooLong = 414, "target_too_long", "the request line is too long";
        Misdirected = 421, "misdirected", "the request is for an https origin";
        ConnectMethod = 501, "connect_method", "the method CONNECT is not served";
        BadVersion = 400, "bad_version", "the version is malformed";
        UnsupportedVersion = 505, "unsupported_version", "the version is not HTTP/1";
        HeadTooLarge = 431, "head_too_large", "the head is too large";
        TooManyFields = 431, "too_many_fields", "the head has too many fields";
        Fold = 400, "folded_line", "a line of the head begins with white space";
        SpaceBeforeColon = 400, "space_before_colon", "white space stands between a field name and its colon";
        NoColon = 400, "no_colon", "a field line has no colon";
        BadFieldName = 400, "bad_field_name", "a field name is not a token";
        MissingHost = 400, "missing_host", "the request has no host field";
        TwoHosts = 400, "two_hosts", "the request has two host fields";
        EmptyHost = 400, "empty_host", "the host field is empty";
        BadHost = 400, "bad_host", "the host field is not a host with an optional port";
        TwoContentLengths = 400, "two_content_lengths", "the request has two content lengths";
        BadContentLength = 400, "bad_content_length", "the content length is not a number";
        ContentLengthTooLarge = 413, "content_length_too_large", "the content length is too large";
        LengthAndEncoding = 400, "length_and_transfer_encoding", "the request has a content length and a transfer encoding";
        TwoTransferEncodings = 400, "two_transfer_encodings", "the request has two transfer encodings";
        BadTransferEncoding = 400, "bad_transfer_encoding", "the transfer encoding is not chunked";
        UnknownTransferCoding = 501, "unknown_transfer_coding", "a transfer coding other than chunked is not served";
        TransferEncodingIn10 = 400, "transfer_encoding_in_1_0", "an HTTP/1.0 request has a transfer encoding";
        BadConnection = 400, "bad_connection", "the connection field is malformed or too long";
        FramingNominated = 400, "framing_nominated", "the connection field nominates a field of the framing";
        UnknownExpectation = 417, "unknown_expectation", "the expectation is not 100-continue";
    }
}

impl From<LineFault> for RequestFault {
    fn from(fault: LineFault) -> Self {
        match fault {
            LineFault::BareLf => Self::BareLf,
            LineFault::BareCr => Self::BareCr,
            LineFault::ControlByte => Self::ControlByte,
            LineFault::Fold => Self::Fold,
            LineFault::SpaceBeforeColon => Self::SpaceBeforeColon,
            LineFault::NoColon => Self::NoColon,
            LineFault::BadName => Self::BadFieldName,
            LineFault::TooManyFields => Self::TooManyFields,
        }
    }
}

impl From<TransferFault> for RequestFault {
    fn from(fault: TransferFault) -> Self {
        match fault {
            TransferFault::TwoLengths => Self::TwoContentLengths,
            TransferFault::BadLength => Self::BadContentLength,
            TransferFault::LengthTooLarge => Self::ContentLengthTooLarge,
            TransferFault::TwoEncodings => Self::TwoTransferEncodings,
            TransferFault::BadEncoding => Self::BadTransferEncoding,
            TransferFault::UnknownCoding => Self::UnknownTransferCoding,
            TransferFault::LengthAndEncoding => Self::LengthAndEncoding,
        }
    }
}

impl From<OptionFault> for RequestFault {
    fn from(fault: OptionFault) -> Self {
        match fault {
            OptionFault::Malformed | OptionFault::TooMany => Self::BadConnection,
            OptionFault::Framing => Self::FramingNominated,
        }
    }
}
