//! G.711: µ-law and A-law (ITU-T G.711), by tables that the compiler fills.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "constant functions cannot call TryFrom or From; every value is masked to its width"
)]

/// A-law to linear, 16 bits.
const fn alaw_to_linear(byte: u8) -> i16 {
    let value = byte ^ 0x55;
    let exponent = (value >> 4) & 7;
    let mantissa = ((value & 15) as i16) << 4;
    let magnitude = if exponent == 0 {
        mantissa + 8
    } else {
        (mantissa + 0x108) << (exponent - 1)
    };
    if value & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// µ-law to linear, 16 bits.
const fn ulaw_to_linear(byte: u8) -> i16 {
    let value = !byte;
    let exponent = (value >> 4) & 7;
    let magnitude = (((((value & 15) as i16) << 3) + 0x84) << exponent) - 0x84;
    if value & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// Linear to A-law.
#[must_use]
pub const fn linear_to_alaw(sample: i16) -> u8 {
    // The law has 13 bits; a negative sample is one's complement of its magnitude.
    let (sign, magnitude) = if sample >= 0 {
        (0x80, sample >> 4)
    } else {
        (0, !sample >> 4)
    };
    let exponent = if magnitude < 16 {
        0
    } else {
        12 - magnitude.leading_zeros() as u8
    };
    let mantissa = if exponent == 0 {
        magnitude & 15
    } else {
        (magnitude >> (exponent - 1)) & 15
    };
    (sign | (exponent << 4) | mantissa as u8) ^ 0x55
}

/// Linear to µ-law.
#[must_use]
pub const fn linear_to_ulaw(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 {
        (0, sample as i32)
    } else {
        (0x80, -(sample as i32))
    };
    let biased = (if magnitude > 32_635 {
        32_635
    } else {
        magnitude
    }) + 0x84;
    let exponent = (24 - biased.leading_zeros()) as u8;
    let mantissa = ((biased >> (exponent + 3)) & 15) as u8;
    !(sign | (exponent << 4) | mantissa)
}

macro_rules! table {
    ($zero:expr, $f:expr) => {{
        let mut table = [$zero; 256];
        let mut index = 0;
        while index < 256 {
            table[index] = $f(index as u8);
            index += 1;
        }
        table
    }};
}

/// The sample of each A-law byte.
pub static ALAW: [i16; 256] = table!(0i16, alaw_to_linear);
/// The sample of each µ-law byte.
pub static ULAW: [i16; 256] = table!(0i16, ulaw_to_linear);

const fn recode_to_alaw(byte: u8) -> u8 {
    linear_to_alaw(ulaw_to_linear(byte))
}

const fn recode_to_ulaw(byte: u8) -> u8 {
    linear_to_ulaw(alaw_to_linear(byte))
}

/// The A-law byte nearest to each µ-law byte.
pub static ULAW_TO_ALAW: [u8; 256] = table!(0u8, recode_to_alaw);
/// The µ-law byte nearest to each A-law byte.
pub static ALAW_TO_ULAW: [u8; 256] = table!(0u8, recode_to_ulaw);

/// Changes a payload in place by one of the tables.
pub fn recode(payload: &mut [u8], table: &[u8; 256]) {
    for byte in payload {
        *byte = table.get(usize::from(*byte)).copied().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_recommendation_hold() {
        assert_eq!(
            (linear_to_ulaw(0), ULAW[0xff], ULAW[0x80], ULAW[0x00]),
            (0xff, 0, 32_124, -32_124)
        );
        assert_eq!(
            (linear_to_alaw(0), ALAW[0xd5], ALAW[0xaa], ALAW[0x2a]),
            (0xd5, 8, 32_256, -32_256)
        );
    }

    #[test]
    fn every_byte_decodes_and_encodes_to_itself() {
        for byte in 0..=255u8 {
            assert_eq!(
                linear_to_alaw(ALAW[usize::from(byte)]),
                byte,
                "A-law {byte:#x}"
            );
            // µ-law has two zeros; the negative one comes back as the positive one.
            let expected = if byte == 0x7f { 0xff } else { byte };
            assert_eq!(
                linear_to_ulaw(ULAW[usize::from(byte)]),
                expected,
                "µ-law {byte:#x}"
            );
        }
    }

    #[test]
    fn every_sample_comes_back_within_its_step() {
        for sample in i16::MIN..=i16::MAX {
            let allowed = i32::from(sample).abs() / 16 + 24;
            let off = |back: i16| (i32::from(back) - i32::from(sample)).abs();
            assert!(
                off(ALAW[usize::from(linear_to_alaw(sample))]) <= allowed,
                "A-law {sample}"
            );
            assert!(
                off(ULAW[usize::from(linear_to_ulaw(sample))])
                    <= allowed + 640 * i32::from(sample.unsigned_abs() > 32_124),
                "µ-law {sample}"
            );
        }
    }

    #[test]
    fn a_payload_changes_its_law_and_stays_close() {
        let mut payload: Vec<u8> = (0..=255).collect();
        recode(&mut payload, &ULAW_TO_ALAW);
        for (byte, recoded) in (0..=255u8).zip(payload) {
            let (before, after) = (
                i32::from(ULAW[usize::from(byte)]),
                i32::from(ALAW[usize::from(recoded)]),
            );
            assert!(
                (before - after).abs() <= before.abs() / 16 + 24,
                "{byte:#x}"
            );
        }
    }
}
