//! Values in PostgreSQL's binary format with their lengths, as COPY and the elements of arrays need
//! them.

/// Appends the value that `encode` appends, after its length in bytes.
pub(crate) fn append_with_length(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let length_at = out.len();
    let value_at = length_at + size_of::<i32>();
    out.resize(value_at, 0);
    encode(out);
    let length = (out.len() - value_at) as i32;
    out[length_at..value_at].copy_from_slice(&length.to_be_bytes());
}
