//! What can be wrong with a response head.
//! Whether another server is asked instead is not decided here.

use crate::fault::faults;
use crate::line::LineFault;
use crate::transfer::TransferFault;

faults! {
    /// What is wrong with a response head. The server is at fault in every case; the connection must be closed.
    ResponseFault {
        BareLf = 502, "response_bare_lf", "a line of the response head ends without CR";
        BareCr = 502, "response_bare_cr", "a CR in the response head is not followed by LF";
        ControlByte = 502, "response_control_byte", "the response head holds a control byte";
        BadStatusLine = 502, "response_bad_status_line", "the status line is malformed";
        BadVersion = 502, "response_bad_version", "the version of the response is not HTTP/1";
        BadStatus = 502, "response_bad_status", "the status is not a number from 100 to 599";
        HeadTooLarge = 502, "response_head_too_large", "the response head is too large";
        TooManyFields = 502, "response_too_many_fields", "the response head has too many fields";
        Fold = 502, "response_folded_line", "a line of the response head begins with white space";
        NoColon = 502, "response_no_colon", "a field line of the response has no colon";
        BadFieldName = 502, "response_bad_field_name", "a field name of the response is not a token";
        TwoContentLengths = 502, "response_two_content_lengths", "the response has two content lengths";
        BadContentLength = 502, "response_bad_content_length", "the content length of the response is not a number";
        ContentLengthTooLarge = 502, "response_content_length_too_large", "the content length of the response is too large";
        LengthAndEncoding = 502, "response_length_and_transfer_encoding", "the response has a content length and a transfer encoding";
        TwoTransferEncodings = 502, "response_two_transfer_encodings", "the response has two transfer encodings";
        BadTransferEncoding = 502, "response_bad_transfer_encoding", "the transfer encoding of the response is not chunked";
        UnknownTransferCoding = 502, "response_unknown_transfer_coding", "the response has a transfer coding other than chunked";
        TransferEncodingIn10 = 502, "response_transfer_encoding_in_1_0", "an HTTP/1.0 response has a transfer encoding";
        TooManyOptions = 502, "response_too_many_connection_options", "the connection field of the response is too long";
    }
}

impl From<LineFault> for ResponseFault {
    fn from(fault: LineFault) -> Self {
        match fault {
            LineFault::BareLf => Self::BareLf,
            LineFault::BareCr => Self::BareCr,
            LineFault::ControlByte => Self::ControlByte,
            LineFault::Fold => Self::Fold,
            LineFault::NoColon => Self::NoColon,
            // White space before the colon is taken out of a response, so what is left is a bad name.
            LineFault::BadName | LineFault::SpaceBeforeColon => Self::BadFieldName,
            LineFault::TooManyFields => Self::TooManyFields,
        }
    }
}

impl From<TransferFault> for ResponseFault {
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
