//! What can be wrong with a body.

use crate::fault::faults;

faults! {
    /// What is wrong with a body. The statuses are for a client's body; a server's becomes a broken response.
    BodyFault {
        BadChunkSize = 400, "bad_chunk_size", "a chunk size is not 1 to 16 hexadecimal digits and CRLF";
        ChunkTooLarge = 413, "chunk_too_large", "a chunk is too large";
        BadChunkExtension = 400, "bad_chunk_extension", "a chunk extension is malformed";
        ChunkExtensionsTooLong = 413, "chunk_extensions_too_long", "the chunk extensions are too long";
        BadChunkEnd = 400, "bad_chunk_end", "the data of a chunk is not followed by CRLF";
        BadTrailer = 400, "bad_trailer", "a trailer field is malformed";
        TrailersTooLarge = 431, "trailers_too_large", "the trailers are too large or too many";
        Truncated = 400, "body_truncated", "the connection ended before the body";
    }
}
