//! WAV files to sounds.

use std::borrow::Cow;
use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;

use crate::media::Sound;
use crate::media::codec::g711;

/// Samples a second of a sound.
pub const RATE: u32 = 8_000;
/// The longest sound: an hour of music would be 57 MB in both laws.
pub const LONGEST: Duration = Duration::from_secs(600);
/// Places of a sample between two of the source: 11025 Hz has the most of the usual rates.
const PLACES: u32 = 320;
/// What a voice keeps before its first and after its last sound: 30 ms.
const MARGIN: usize = 240;
/// Below this nothing was said.
const QUIET: f32 = 50.0;
/// The peak of a voice, −3 dB as that of the recordings.
const LOUD: f32 = 23_197.0;

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

/// Reads a WAV file: 8 or 16 bits, one or two channels, any usual rate from 8 to 48 kHz.
///
/// # Errors
/// When it is something else.
pub fn read(bytes: &[u8]) -> Result<Sound, WavError> {
    samples(bytes).map(|samples| encode(&samples))
}

/// The samples of one channel at [`RATE`].
fn samples(bytes: &[u8]) -> Result<Vec<f32>, WavError> {
    let bytes = with_length(bytes);
    let mut reader = hound::WavReader::new(Cursor::new(&*bytes))?;
    let spec = reader.spec();
    let format = WavError::Format {
        channels: spec.channels,
        bits: spec.bits_per_sample,
        rate: spec.sample_rate,
    };
    let whole = (RATE..=48_000).contains(&spec.sample_rate)
        && RATE / common(spec.sample_rate, RATE) <= PLACES;
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
    if samples.is_empty() {
        return Err(WavError::Empty);
    }
    Ok(resample(&samples, spec.sample_rate))
}

/// A program that writes a WAV as it speaks does not know its length yet, and says that it
/// is as long as can be: the length becomes what is there.
fn with_length(bytes: &[u8]) -> Cow<'_, [u8]> {
    let number = |at: usize| {
        let bytes: Option<[u8; 4]> = bytes.get(at..at + 4)?.try_into().ok();
        usize::try_from(u32::from_le_bytes(bytes?)).ok()
    };
    let mut at = 12;
    while let Some(length) = number(at + 4) {
        let rest = bytes.len() - (at + 8);
        if bytes.get(at..at + 4) == Some(b"data") && length > rest {
            // Whole samples, of 16 bits and two channels at the most.
            let whole = u32::try_from(rest / 4 * 4).unwrap_or(u32::MAX);
            let mut fixed = bytes.to_vec();
            if let Some(place) = fixed.get_mut(at + 4..at + 8) {
                place.copy_from_slice(&whole.to_le_bytes());
            }
            return Cow::Owned(fixed);
        }
        at = at.saturating_add(8).saturating_add(length);
    }
    Cow::Borrowed(bytes)
}

/// What a voice said, as a WAV of its own: without the silence at both ends, since pieces
/// are played one after another, and as loud as the recordings.
///
/// # Errors
/// When it is no WAV that can be read, or nothing is said.
pub fn tidy_voice(bytes: &[u8]) -> Result<Vec<u8>, WavError> {
    let samples = samples(bytes)?;
    let loudest = |samples: &[f32]| samples.iter().fold(0.0_f32, |most, s| most.max(s.abs()));
    let peak = loudest(&samples);
    if peak < QUIET {
        return Err(WavError::Empty);
    }
    let heard = |sample: &f32| sample.abs() > peak * 0.01;
    let first = samples.iter().position(heard).unwrap_or(0);
    let last = samples.iter().rposition(heard).unwrap_or(0);
    let from = first.saturating_sub(MARGIN);
    let to = (last + MARGIN).min(samples.len());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
    for sample in samples.get(from..to).unwrap_or_default() {
        writer.write_sample(linear(sample / peak * LOUD))?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}

/// Samples at [`RATE`], after what would fold back into the band is filtered out: a
/// windowed sinc with its edge at 0.45 of the lower rate, one for each place that a sample
/// can have between two of the source.
fn resample(samples: &[f32], rate: u32) -> Vec<f32> {
    if rate == RATE {
        return samples.to_vec();
    }
    let divisor = common(rate, RATE);
    let [up, down] = [RATE / divisor, rate / divisor].map(|n| usize::try_from(n).unwrap_or(1));
    let kernels: Vec<Vec<f32>> = (0..up).map(|place| kernel(rate, (place, up))).collect();
    let at = |n: usize| {
        let (base, place) = (n * down / up, n * down % up);
        let taps = kernels.get(place).map_or(&[][..], Vec::as_slice);
        let half = taps.len() / 2;
        let sum = taps.iter().enumerate().map(|(k, tap)| {
            let sample = (base + k).checked_sub(half).and_then(|i| samples.get(i));
            tap * sample.copied().unwrap_or(0.0)
        });
        sum.sum()
    };
    (0..(samples.len() * up).div_ceil(down)).map(at).collect()
}

/// The largest number that divides both.
fn common(one: u32, other: u32) -> u32 {
    if other == 0 {
        one
    } else {
        common(other, one % other)
    }
}

/// What a sample is made of that lies `place` of `up` parts behind one of the source.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred taps are exact in f32"
)]
fn kernel(rate: u32, (place, up): (usize, usize)) -> Vec<f32> {
    let ratio = rate as f32 / RATE as f32;
    let half = (8.0 * ratio).ceil() as usize;
    let (edge, shift) = (0.45 / ratio, place as f32 / up as f32);
    let taps: Vec<f32> = (0..=2 * half)
        .map(|k| {
            let x = k as f32 - half as f32 - shift;
            let angle = std::f32::consts::TAU * edge * x;
            let sinc = if x == 0.0 { 1.0 } else { angle.sin() / angle };
            let turn = std::f32::consts::PI * x / (half as f32 + 1.0);
            sinc * (0.54 + 0.46 * turn.cos())
        })
        .collect();
    let sum: f32 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "clamped just before")]
fn linear(sample: f32) -> i16 {
    sample.clamp(-32_768.0, 32_767.0) as i16
}

/// Encodes samples once for each law.
pub(super) fn encode(samples: &[f32]) -> Sound {
    let law = |encode: fn(i16) -> u8| -> Bytes {
        samples
            .iter()
            .map(|sample| encode(linear(*sample)))
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
        for (rate, channels, bits) in [
            (8_000, 1, 16),
            (11_025, 1, 16),
            (16_000, 2, 16),
            (22_050, 1, 16),
            (44_100, 2, 16),
            (48_000, 1, 16),
        ] {
            let sound = read(&wav(rate, channels, bits, 0.5, 1000.0)).unwrap();
            // Half a sample of 11025 and 22050 Hz is rounded.
            assert!((4_000..=4_001).contains(&sound.pcmu.len()), "{rate}");
            let power = power(&sound);
            assert!((0.9..1.1).contains(&power), "{rate}: {power}");
        }
        assert!(read(&wav(8_000, 1, 8, 0.1, 440.0)).is_ok());
    }

    #[test]
    fn what_would_fold_back_is_gone() {
        for rate in [22_050, 48_000] {
            let sound = read(&wav(rate, 1, 16, 0.5, 7_000.0)).unwrap();
            assert!(power(&sound) < 0.001, "{rate}: {}", power(&sound));
        }
    }

    #[test]
    fn what_is_no_sound_says_why() {
        for (bytes, part) in [
            (b"hello".to_vec(), "no WAV file"),
            (wav(44_101, 1, 16, 0.1, 440.0), "44101 Hz"),
            (wav(96_000, 1, 16, 0.1, 440.0), "96000 Hz"),
            (wav(8_000, 1, 16, 0.0, 440.0), "empty"),
            (wav(8_000, 1, 8, 601.0, 440.0), "longer than 10 minutes"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_a_voice_streams_is_cut_to_what_it_says() {
        let mut bytes = wav(22_050, 1, 16, 0.5, 300.0);
        let silence = vec![0; 22_050 * 2];
        bytes.splice(44..44, silence.iter().copied());
        bytes.extend(silence);
        // The lengths of a stream: as long as can be.
        bytes[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
        bytes[4..8].copy_from_slice(&0x7fff_f024_u32.to_le_bytes());
        assert_eq!(read(&bytes).unwrap().duration().as_secs(), 2);
        let tidy = tidy_voice(&bytes).unwrap();
        let millis = read(&tidy).unwrap().duration().as_millis();
        assert!((550..570).contains(&millis), "{millis}");
        // As loud as a full tone of 23197.
        let power = power(&read(&tidy).unwrap());
        assert!((1.05..1.35).contains(&power), "{power}");
        assert!(tidy_voice(&wav(8_000, 1, 16, 0.5, 0.0)).is_err());
    }
}
