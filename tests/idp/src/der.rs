//! The two numbers of an RSA key, out of the DER that they come in.

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1), without their sign bytes.
pub(crate) fn rsa_public_key(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = content(der);
    let (modulus, rest) = content(sequence);
    let (exponent, _) = content(rest);
    (unsigned(modulus), unsigned(exponent))
}

/// The content of the first element, and what follows that element.
fn content(der: &[u8]) -> (&[u8], &[u8]) {
    let first = usize::from(der[1]);
    let (length, start) = if first < 0x80 {
        (first, 2)
    } else {
        // The long form: so many bytes of length, the highest first (X.690 §8.1.3.5).
        let bytes = &der[2..2 + (first & 0x7f)];
        let length = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, 2 + bytes.len())
    };
    der[start..].split_at(length)
}

fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lengths_are_read_and_the_sign_byte_is_left_out() {
        let mut der = vec![0x30, 0x81, 0x88, 0x02, 0x81, 0x81, 0x00];
        der.extend([0xab; 128]);
        der.extend([0x02, 0x02, 0x01, 0x03]);
        assert_eq!(rsa_public_key(&der), (&[0xab; 128][..], &[1, 3][..]));
    }
}
