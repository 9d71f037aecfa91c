#!/bin/sh
# Makes every prompt from the two lists below, and the music. Needs espeak-ng, sox and python3.
# Usage: ivr-flows/prompts/make.sh   (overwrites the files; see README.md)
set -eu
cd "$(dirname "$0")"

# say VOICE LANGUAGE NAME TEXT
say() {
    mkdir -p "$2/$(dirname "$3")"
    # Trimmed at both ends, so that numbers said one after another sound like one; 30 ms stay.
    espeak-ng -v "$1" -s 150 --stdout "$4" | sox -t wav - -r 8000 -c 1 -b 16 "$2/$3.wav" \
        gain -6 highpass 200 lowpass 3400 norm -3 \
        silence 1 0.01 0.5% fade t 0.005 reverse silence 1 0.01 0.5% fade t 0.01 reverse pad 0.03 0.03
}

en() { say en-gb en "$1" "$2"; }
nl() { say nl nl "$1" "$2"; }

en welcome "Welcome. Thank you for calling."
en main-menu "For support, press 1. For billing, press 2. To hear this again, press 9. To speak with anyone, press 0."
say nl en other-language "Voor Nederlands, toets 3."
en not-understood "Sorry, that is not one of the choices."
en closed "Our office is closed at the moment. Please call again during office hours."
en all-busy "We are sorry. Nobody is free to take your call. Please try again later."
en closed-leave-message "Our office is closed at the moment. Please leave a message after the tone, and we will call you back."
en leave-message "We are sorry. Nobody is free to take your call. Please leave a message after the tone, and we will call you back."
en rate-us "How satisfied are you with this call? Press a key from 1, not at all, to 5, very much."
en goodbye "Thank you for calling. Goodbye."
en unknown-number "Sorry, the number that you dialled is not in use. Please check the number and try again."
en queue/you-are-number "You are number"
en queue/in-line "in line."
en queue/estimated-wait "The estimated wait is"
en queue/minute "minute."
en queue/minutes "minutes."
en queue/less-than-a-minute "less than a minute."
en queue/more-than-an-hour "more than an hour."

nl welcome "Welkom. Fijn dat u belt."
nl main-menu "Voor ondersteuning, toets 1. Voor facturen, toets 2. Om dit nog eens te horen, toets 9. Voor een willekeurige medewerker, toets 0."
say en-gb nl other-language "For English, press 3."
nl not-understood "Sorry, dat is geen van de keuzes."
nl closed "Ons kantoor is op dit moment gesloten. Belt u ons alstublieft terug tijdens kantooruren."
nl all-busy "Het spijt ons. Er is nu niemand vrij om u te woord te staan. Probeert u het later nog eens."
nl closed-leave-message "Ons kantoor is op dit moment gesloten. Spreekt u na de toon een bericht in, dan bellen wij u terug."
nl leave-message "Het spijt ons. Er is nu niemand vrij om u te woord te staan. Spreekt u na de toon een bericht in, dan bellen wij u terug."
nl rate-us "Hoe tevreden bent u over dit gesprek? Toets een cijfer van 1, helemaal niet, tot 5, heel erg."
nl goodbye "Bedankt voor het bellen. Tot ziens."
nl unknown-number "Sorry, het nummer dat u belt is niet in gebruik. Controleer het nummer en probeer het opnieuw."
nl queue/you-are-number "U bent nummer"
nl queue/in-line "in de rij."
nl queue/estimated-wait "De verwachte wachttijd is"
nl queue/minute "minuut."
nl queue/minutes "minuten."
nl queue/less-than-a-minute "minder dan een minuut."
nl queue/more-than-an-hour "meer dan een uur."

for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 30 40 50 60 70 80 90; do
    en "number/$n" "$n"
    nl "number/$n" "$n"
done
en number/and "and"
en number/hundred "hundred"
en number/thousand "thousand"
nl number/and "en"
nl number/hundred "honderd"
nl number/thousand "duizend"

python3 music.py music/calm.wav
