//! Numbers and ordinals.

use super::*;
use expect_test::expect;

const NUMBERS: &[(&str, i64)] = &[
    ("0", 0),
    ("1", 1),
    ("13", 13),
    ("21", 21),
    ("40", 40),
    ("99", 99),
    ("100", 100),
    ("101", 101),
    ("245", 245),
    ("1000", 1_000),
    ("1007", 1_007),
    ("2112", 2_112),
    ("22 001", 22_001),
    ("101 000", 101_000),
    ("1 000 000", 1_000_000),
    ("3 012 300", 3_012_300),
    ("999 999 999", 999_999_999),
    ("-5", -5),
    ("2 000 000 000", 2_000_000_000),
    ("10^12", 1_000_000_000_000),
];

fn numbers(language: &str, expected: &Expect) {
    table(language, NUMBERS, |n| number(n, language), expected);
}

#[test]
fn numbers_in_english() {
    numbers(
        "en",
        &expect![[r#"
        0: 0 = zero
        1: 1 = one
        13: 13 = thirteen
        21: 20 1 = twenty one
        40: 40 = forty
        99: 90 9 = ninety nine
        100: 1 hundred = one hundred
        101: 1 hundred and 1 = one hundred and one
        245: 2 hundred and 40 5 = two hundred and forty five
        1000: 1 thousand = one thousand
        1007: 1 thousand and 7 = one thousand and seven
        2112: 2 thousand 1 hundred and 12 = two thousand one hundred and twelve
        22 001: 20 2 thousand and 1 = twenty two thousand and one
        101 000: 1 hundred and 1 thousand = one hundred and one thousand
        1 000 000: 1 million = one million
        3 012 300: 3 million 12 thousand 3 hundred = three million twelve thousand three hundred
        999 999 999: 9 hundred and 90 9 million 9 hundred and 90 9 thousand 9 hundred and 90 9 = nine hundred and ninety nine million nine hundred and ninety nine thousand nine hundred and ninety nine
        -5: minus 5 = minus five
        2 000 000 000: 2 billion = two billion
        10^12: 1 0 0 0 0 0 0 0 0 0 0 0 0 = one zero zero zero zero zero zero zero zero zero zero zero zero
    "#]],
    );
}

#[test]
fn numbers_in_dutch() {
    numbers(
        "nl",
        &expect![[r#"
        0: 0 = nul
        1: 1 = één
        13: 13 = dertien
        21: 21 = eenentwintig
        40: 40 = veertig
        99: 99 = negenennegentig
        100: hundred = honderd
        101: hundred 1 = honderd één
        245: 2 hundred 45 = twee honderd vijfenveertig
        1000: thousand = duizend
        1007: thousand 7 = duizend zeven
        2112: 2 thousand hundred 12 = twee duizend honderd twaalf
        22 001: 22 thousand 1 = tweeëntwintig duizend één
        101 000: hundred 1 thousand = honderd één duizend
        1 000 000: 1 million = één miljoen
        3 012 300: 3 million 12 thousand 3 hundred = drie miljoen twaalf duizend drie honderd
        999 999 999: 9 hundred 99 million 9 hundred 99 thousand 9 hundred 99 = negen honderd negenennegentig miljoen negen honderd negenennegentig duizend negen honderd negenennegentig
        -5: minus 5 = min vijf
        2 000 000 000: 2 billion = twee miljard
        10^12: 1 0 0 0 0 0 0 0 0 0 0 0 0 = één nul nul nul nul nul nul nul nul nul nul nul nul
    "#]],
    );
}

#[test]
fn numbers_in_german() {
    numbers(
        "de",
        &expect![[r#"
        0: 0 = null
        1: 1 = eins
        13: 13 = dreizehn
        21: 21 = einundzwanzig
        40: 40 = vierzig
        99: 99 = neunundneunzig
        100: 1-m hundred = ein hundert
        101: 1-m hundred 1 = ein hundert eins
        245: 2 hundred 45 = zwei hundert fünfundvierzig
        1000: 1-m thousand = ein tausend
        1007: 1-m thousand 7 = ein tausend sieben
        2112: 2 thousand 1-m hundred 12 = zwei tausend ein hundert zwölf
        22 001: 22 thousand 1 = zweiundzwanzig tausend eins
        101 000: 1-m hundred 1-m thousand = ein hundert ein tausend
        1 000 000: 1-f million = eine Million
        3 012 300: 3 millions 12 thousand 3 hundred = drei Millionen zwölf tausend drei hundert
        999 999 999: 9 hundred 99 millions 9 hundred 99 thousand 9 hundred 99 = neun hundert neunundneunzig Millionen neun hundert neunundneunzig tausend neun hundert neunundneunzig
        -5: minus 5 = minus fünf
        2 000 000 000: 2 billions = zwei Milliarden
        10^12: 1 0 0 0 0 0 0 0 0 0 0 0 0 = eins null null null null null null null null null null null null
    "#]],
    );
}

#[test]
fn numbers_in_russian() {
    numbers(
        "ru",
        &expect![[r#"
        0: 0 = ноль
        1: 1 = один
        13: 13 = тринадцать
        21: 20 1 = двадцать один
        40: 40 = сорок
        99: 90 9 = девяносто девять
        100: 100 = сто
        101: 100 1 = сто один
        245: 200 40 5 = двести сорок пять
        1000: 1-f thousand = одна тысяча
        1007: 1-f thousand 7 = одна тысяча семь
        2112: 2-f thousands-few 100 12 = две тысячи сто двенадцать
        22 001: 20 2-f thousands-few 1 = двадцать две тысячи один
        101 000: 100 1-f thousand = сто одна тысяча
        1 000 000: 1 million = один миллион
        3 012 300: 3 millions-few 12 thousands 300 = три миллиона двенадцать тысяч триста
        999 999 999: 900 90 9 millions 900 90 9 thousands 900 90 9 = девятьсот девяносто девять миллионов девятьсот девяносто девять тысяч девятьсот девяносто девять
        -5: minus 5 = минус пять
        2 000 000 000: 2 billions-few = два миллиарда
        10^12: 1 0 0 0 0 0 0 0 0 0 0 0 0 = один ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль ноль
    "#]],
    );
}

const ORDINALS: &[(&str, i64)] = &[
    ("1", 1),
    ("3", 3),
    ("8", 8),
    ("20", 20),
    ("21", 21),
    ("90", 90),
    ("100", 100),
    ("101", 101),
    ("345", 345),
    ("1000", 1_000),
    ("1100", 1_100),
    ("2300", 2_300),
    ("9999", 9_999),
    ("0", 0),
    ("10 000", 10_000),
];

fn ordinals(language: &str, expected: &Expect) {
    table(language, ORDINALS, |n| ordinal(n, language), expected);
}

#[test]
fn ordinals_in_english() {
    ordinals(
        "en",
        &expect![[r#"
        1: ordinal/1 = first
        3: ordinal/3 = third
        8: ordinal/8 = eighth
        20: ordinal/20 = twentieth
        21: 20 ordinal/1 = twenty first
        90: ordinal/90 = ninetieth
        100: 1 ordinal/hundred = one hundredth
        101: 1 hundred and ordinal/1 = one hundred and first
        345: 3 hundred and 40 ordinal/5 = three hundred and forty fifth
        1000: 1 ordinal/thousand = one thousandth
        1100: 1 thousand 1 ordinal/hundred = one thousand one hundredth
        2300: 2 thousand 3 ordinal/hundred = two thousand three hundredth
        9999: 9 thousand 9 hundred and 90 ordinal/9 = nine thousand nine hundred and ninety ninth
        0: 0 = zero
        10 000: 10 thousand = ten thousand
    "#]],
    );
}

#[test]
fn ordinals_in_dutch() {
    ordinals(
        "nl",
        &expect![[r#"
        1: ordinal/1 = eerste
        3: ordinal/3 = derde
        8: ordinal/8 = achtste
        20: ordinal/20 = twintigste
        21: ordinal/1-and ordinal/20 = eenen twintigste
        90: ordinal/90 = negentigste
        100: ordinal/hundred = honderdste
        101: hundred ordinal/1 = honderd eerste
        345: 3 hundred ordinal/5-and ordinal/40 = drie honderd vijfen veertigste
        1000: ordinal/thousand = duizendste
        1100: thousand ordinal/hundred = duizend honderdste
        2300: 2 thousand 3 ordinal/hundred = twee duizend drie honderdste
        9999: 9 thousand 9 hundred ordinal/9-and ordinal/90 = negen duizend negen honderd negenen negentigste
        0: 0 = nul
        10 000: 10 thousand = tien duizend
    "#]],
    );
}

#[test]
fn ordinals_in_german() {
    ordinals(
        "de",
        &expect![[r#"
        1: ordinal/1 = erste
        3: ordinal/3 = dritte
        8: ordinal/8 = achte
        20: ordinal/20 = zwanzigste
        21: ordinal/1-and ordinal/20 = einund zwanzigste
        90: ordinal/90 = neunzigste
        100: 1-m ordinal/hundred = ein hundertste
        101: 1-m hundred ordinal/1 = ein hundert erste
        345: 3 hundred ordinal/5-and ordinal/40 = drei hundert fünfund vierzigste
        1000: 1-m ordinal/thousand = ein tausendste
        1100: 1-m thousand 1-m ordinal/hundred = ein tausend ein hundertste
        2300: 2 thousand 3 ordinal/hundred = zwei tausend drei hundertste
        9999: 9 thousand 9 hundred ordinal/9-and ordinal/90 = neun tausend neun hundert neunund neunzigste
        0: 0 = null
        10 000: 10 thousand = zehn tausend
    "#]],
    );
}

#[test]
fn ordinals_in_russian() {
    ordinals(
        "ru",
        &expect![[r#"
        1: ordinal/1 = первый
        3: ordinal/3 = третий
        8: ordinal/8 = восьмой
        20: ordinal/20 = двадцатый
        21: 20 ordinal/1 = двадцать первый
        90: ordinal/90 = девяностый
        100: ordinal/100 = сотый
        101: 100 ordinal/1 = сто первый
        345: 300 40 ordinal/5 = триста сорок пятый
        1000: ordinal/1000 = тысячный
        1100: 1-f thousand ordinal/100 = одна тысяча сотый
        2300: 2-f thousands-few ordinal/300 = две тысячи трёхсотый
        9999: 9 thousands 900 90 ordinal/9 = девять тысяч девятьсот девяносто девятый
        0: 0 = ноль
        10 000: 10 thousands = десять тысяч
    "#]],
    );
}
