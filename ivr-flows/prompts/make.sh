#!/bin/sh
# Makes prompts: the pieces of spoken numbers, times, dates and money from pieces/LANGUAGE.txt,
# the prompts of the shipped flows from the lists below, those of the samples from samples.txt,
# and the music. Needs espeak-ng, sox and python3. Overwrites the files; see README.md.
#
#   ivr-flows/prompts/make.sh              English, Dutch, the music
#   ivr-flows/prompts/make.sh de ru        German and Russian: pieces only
#   SPEAK='piper -m voice.onnx -f -' ivr-flows/prompts/make.sh en     another voice: a command
#                                          that reads text and writes a WAV
set -eu
cd "$(dirname "$0")"

# say LANGUAGE FILE TEXT
say() {
    mkdir -p "$(dirname "$2")"
    case "$1" in en) voice=en-gb ;; *) voice=$1 ;; esac
    # Trimmed at both ends, so that words said one after another sound like one sentence;
    # 30 ms stay.
    printf '%s\n' "$3" | ${SPEAK:-espeak-ng -v "$voice" -s 150 --stdin --stdout} |
        sox --ignore-length -t wav - -r 8000 -c 1 -b 16 "$2.wav" \
            gain -6 highpass 200 lowpass 3400 norm -3 \
            silence 1 0.01 0.5% fade t 0.005 reverse silence 1 0.01 0.5% fade t 0.01 reverse pad 0.03 0.03
}

# list LANGUAGE FILE
list() {
    grep -v -e '^#' -e '^$' "$2" | while read -r name text; do
        say "$1" "$1/$name" "$text"
    done
}

flows_en() {
    say en en/welcome "Welcome. Thank you for calling."
    say en en/main-menu "For support, press 1. For billing, press 2. To hear this again, press 9. To speak with anyone, press 0."
    say nl en/other-language "Voor Nederlands, toets 3."
    say en en/not-understood "Sorry, that is not one of the choices."
    say en en/closed "Our office is closed at the moment. Please call again during office hours."
    say en en/all-busy "We are sorry. Nobody is free to take your call. Please try again later."
    say en en/closed-leave-message "Our office is closed at the moment. Please leave a message after the tone, and we will call you back."
    say en en/leave-message "We are sorry. Nobody is free to take your call. Please leave a message after the tone, and we will call you back."
    say en en/rate-us "How satisfied are you with this call? Press a key from 1, not at all, to 5, very much."
    say en en/goodbye "Thank you for calling. Goodbye."
    say en en/collect/you-entered "You entered"
    say en en/collect/confirm "If that is right, press 1. To enter it again, press 2."
    say en en/callback/number "We will call you back, and you keep your place. Your number is"
    say en en/callback/confirm "If that is right, press 1. To give another number, press 2."
    say en en/callback/enter "Please enter your telephone number, and then the hash key."
    say en en/callback/not-possible "Sorry, we cannot call that number."
    say en en/choose-english "For English, press 1."
    say nl en/choose-dutch "Voor Nederlands, toets 2."
    say en en/unknown-number "Sorry, the number that you dialled is not in use. Please check the number and try again."
}

flows_nl() {
    say nl nl/welcome "Welkom. Fijn dat u belt."
    say nl nl/main-menu "Voor ondersteuning, toets 1. Voor facturen, toets 2. Om dit nog eens te horen, toets 9. Voor een willekeurige medewerker, toets 0."
    say en nl/other-language "For English, press 3."
    say nl nl/not-understood "Sorry, dat is geen van de keuzes."
    say nl nl/closed "Ons kantoor is op dit moment gesloten. Belt u ons alstublieft terug tijdens kantooruren."
    say nl nl/all-busy "Het spijt ons. Er is nu niemand vrij om u te woord te staan. Probeert u het later nog eens."
    say nl nl/closed-leave-message "Ons kantoor is op dit moment gesloten. Spreekt u na de toon een bericht in, dan bellen wij u terug."
    say nl nl/leave-message "Het spijt ons. Er is nu niemand vrij om u te woord te staan. Spreekt u na de toon een bericht in, dan bellen wij u terug."
    say nl nl/rate-us "Hoe tevreden bent u over dit gesprek? Toets een cijfer van 1, helemaal niet, tot 5, heel erg."
    say nl nl/goodbye "Bedankt voor het bellen. Tot ziens."
    say nl nl/collect/you-entered "U heeft ingevoerd"
    say nl nl/collect/confirm "Als dat klopt, toets 1. Om het opnieuw in te voeren, toets 2."
    say nl nl/callback/number "Wij bellen u terug, en u houdt uw plaats. Uw nummer is"
    say nl nl/callback/confirm "Klopt dat, toets 1. Voor een ander nummer, toets 2."
    say nl nl/callback/enter "Toets uw telefoonnummer in, en sluit af met een hekje."
    say nl nl/callback/not-possible "Sorry, dat nummer kunnen wij niet bellen."
    say en nl/choose-english "For English, press 1."
    say nl nl/choose-dutch "Voor Nederlands, toets 2."
    say nl nl/unknown-number "Sorry, het nummer dat u belt is niet in gebruik. Controleer het nummer en probeer het opnieuw."
}

[ $# -gt 0 ] || { set -- en nl; python3 music.py music/calm.wav; }
for language; do
    list "$language" "pieces/$language.txt"
    case "$language" in
    en) flows_en; list en samples.txt ;;
    nl) flows_nl ;;
    esac
done
