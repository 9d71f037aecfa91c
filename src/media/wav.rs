//! WAV files to sounds.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;

use crate::media::Sound;
use crate::media::codec::g711;

/// Samples a second of a sound.
pub const RATE: u32 = 8_000;
/// The longest sound: an hour of music would be 57 MB in both laws.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Why a file is no sound.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// Not a WAV file, or damaged.
    #[error("it is no WAV file that can be read: {0}")]
    Unreadable(#[from] hound::Error),
    /// Not what is played here.
    #[error(
        "it has {channels} channels of {bits} bits at {rate} Hz; make it mono, 16 bits, 8000 Hz"
    )]
    Format {
        /// Channels.
        channels: u16,
        /// Bits a sample.
        bits: u16,
        /// Samples a second.
        rate: u32,
    },
    /// Too long.
    #[error("it is longer than {} minutes", LONGEST.as_secs() / 60)]
    TooLong,
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
}

/// Reads a WAV file: 8 or 16 bits, one or two channels, 8, 16, 24, 32 or 48 kHz.
///
/// # Errors
/// When it is something else.
pub fn read(bytes: &[u8]) -> Result<Sound, WavError> {
    let mut reader = hound::WavReader::new(Cursor::new(bytes))?;
    let spec = reader.spec();
    let format = WavError::Format {
        channels: spec.channels,
        bits: spec.bits_per_sample,
        rate: spec.sample_rate,
    };
    let whole =
        spec.sample_rate.is_multiple_of(RATE) && (RATE..=48_000).contains(&spec.sample_rate);
    let integers = spec.sample_format == hound::SampleFormat::Int;
    let known = matches!(spec.bits_per_sample, 8 | 16) && matches!(spec.channels, 1 | 2);
    if !(whole && integers && known) {
        return Err(format);
    }
    if u64::from(reader.duration()) > LONGEST.as_secs() * u64::from(spec.sample_rate) {
        return Err(WavError::TooLong);
    }
    let shift = 16 - spec.bits_per_sample;
    let mut samples = Vec::new();
    let mut frame = Vec::with_capacity(2);
    for sample in reader.samples::<i16>() {
        frame.push(f32::from(sample? << shift));
        if frame.len() == usize::from(spec.channels) {
            samples.push(frame.iter().sum::<f32>() / f32::from(spec.channels));
            frame.clear();
        }
    }
    let step = usize::try_from(spec.sample_rate / RATE).unwrap_or(1);
    let sound = encode(&decimate(&samples, step));
    if sound.pcmu.is_empty() {
        return Err(WavError::Empty);
    }
    Ok(sound)
}

/// Takes every `step`th sample, after what would fold back into the band is filtered
/// out: a windowed sinc with its edge at 0.45 of the new rate.
fn decimate(samples: &[f32], step: usize) -> Vec<f32> {
    if step <= 1 {
        return samples.to_vec();
    }
    let taps = kernel(step);
    let half = taps.len() / 2;
    let at = |index: usize| {
        let sum = taps.iter().enumerate().map(|(k, tap)| {
            let sample = (index + k).checked_sub(half).and_then(|i| samples.get(i));
            tap * sample.copied().unwrap_or(0.0)
        });
        sum.sum()
    };
    (0..samples.len()).step_by(step).map(at).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a few hundred taps are exact in f32"
)]
fn kernel(step: usize) -> Vec<f32> {
    let length = 16 * step + 1;
    let edge = 0.45 / step as f32;
    let taps: Vec<f32> = (0..length)
        .map(|k| {
            let x = k as f32 - (length / 2) as f32;
            let angle = std::f32::consts::TAU * edge * x;
            let sinc = if x == 0.0 { 1.0 } else { angle.sin() / angle };
            let turn = std::f32::consts::TAU * k as f32 / (length - 1) as f32;
            sinc * (0.54 - 0.46 * turn.cos())
        })
        .collect();
    let sum: f32 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

/// Encodes samples once for each law.
pub(super) fn encode(samples: &[f32]) -> Sound {
    #[expect(clippy::cast_possible_truncation, reason = "clamped just before")]
    let linear = |sample: &f32| sample.clamp(-32_768.0, 32_767.0) as i16;
    let law = |encode: fn(i16) -> u8| -> Bytes {
        samples
            .iter()
            .map(|sample| encode(linear(sample)))
            .collect()
    };
    Sound {
        pcmu: law(g711::linear_to_ulaw),
        pcma: law(g711::linear_to_alaw),
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made to fit"
    )]

    use super::*;

    fn wav(rate: u32, channels: u16, bits: u16, seconds: f32, tone: f32) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: bits,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        let peak = if bits == 8 { 100.0 } else { 20_000.0 };
        for n in 0..((f64::from(rate) * f64::from(seconds)).round() as u32) {
            let phase = std::f32::consts::TAU * tone * n as f32 / rate as f32;
            for _ in 0..channels {
                writer.write_sample((phase.sin() * peak) as i16).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    /// The mean square, against that of a full tone.
    fn power(sound: &Sound) -> f32 {
        let squares = sound
            .pcmu
            .iter()
            .map(|b| f32::from(g711::ULAW[usize::from(*b)]).powi(2));
        squares.sum::<f32>() / sound.pcmu.len() as f32 / (20_000.0 * 20_000.0 / 2.0)
    }

    #[test]
    fn a_tone_survives_every_format() {
        for (rate, channels, bits) in [(8_000, 1, 16), (16_000, 2, 16), (48_000, 1, 16)] {
            let sound = read(&wav(rate, channels, bits, 0.5, 1000.0)).unwrap();
            assert_eq!(sound.pcmu.len(), 4_000, "{rate}");
            assert_eq!(sound.duration(), Duration::from_millis(500));
            let power = power(&sound);
            assert!((0.9..1.1).contains(&power), "{rate}: {power}");
        }
        assert!(read(&wav(8_000, 1, 8, 0.1, 440.0)).is_ok());
    }

    #[test]
    fn what_would_fold_back_is_gone() {
        let sound = read(&wav(48_000, 1, 16, 0.5, 7_000.0)).unwrap();
        assert!(power(&sound) < 0.001, "{}", power(&sound));
    }

    #[test]
    fn what_is_no_sound_says_why() {
        for (bytes, part) in [
            (b"hello".to_vec(), "no WAV file"),
            (wav(44_100, 1, 16, 0.1, 440.0), "44100 Hz"),
            (wav(8_000, 1, 16, 0.0, 440.0), "empty"),
            (wav(8_000, 1, 8, 601.0, 440.0), "longer than 10 minutes"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
