"""Makes the music to wait with: eight soft chords that flow into each other and loop.

Every note is a sum of a few sines under a slow bell-shaped envelope. The time axis is
a circle, so the end of the last chord sounds under the first one, and the loop has no
seam. Usage: music.py OUT.wav
"""
import math
import struct
import sys
import wave

RATE = 8000
CHORD_SECONDS = 3.0
# Midi notes: C, Am7, F, G7sus, C/E, Am, Dm7, G.
CHORDS = [
    (48, 60, 64, 67, 71), (45, 60, 64, 67, 69), (41, 57, 60, 65, 69), (43, 59, 62, 65, 69),
    (52, 60, 64, 67, 72), (45, 57, 64, 69, 72), (50, 57, 62, 65, 72), (43, 59, 62, 67, 71),
]
LEVEL_DBFS = -18.0


def frequency(note):
    return 440.0 * 2 ** ((note - 69) / 12)


def add(samples, note, begin, length, gain):
    """A note with a slow attack and decay, wrapped round the end."""
    count = int(length * RATE)
    start = int(begin * RATE)
    step = 2 * math.pi * frequency(note) / RATE
    for i in range(count):
        envelope = math.sin(math.pi * i / count) ** 2
        tone = math.sin(step * i) + 0.25 * math.sin(2 * step * i) + 0.08 * math.sin(3 * step * i)
        samples[(start + i) % len(samples)] += gain * envelope * tone


def main():
    total = int(CHORD_SECONDS * len(CHORDS) * RATE)
    samples = [0.0] * total
    for index, chord in enumerate(CHORDS):
        begin = index * CHORD_SECONDS
        for place, note in enumerate(chord):
            # The pad lasts two chords; telephones carry nothing below 200 Hz, so the bass is soft.
            add(samples, note, begin, 2 * CHORD_SECONDS, 0.5 if place == 0 else 0.4)
        # A slow broken chord an octave above.
        for beat, note in enumerate(chord[1:]):
            add(samples, note + 12, begin + beat * CHORD_SECONDS / 4, 1.4, 0.22)
    mean = math.sqrt(sum(s * s for s in samples) / total)
    scale = 32767 * 10 ** (LEVEL_DBFS / 20) / mean
    peak = max(abs(s) for s in samples) * scale
    assert peak < 32767, peak
    with wave.open(sys.argv[1], "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{total}h", *(round(s * scale) for s in samples)))


main()
