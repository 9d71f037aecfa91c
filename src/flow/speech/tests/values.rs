//! Durations, times, dates, money, and what queues announce.

use super::*;
use expect_test::expect;

const DURATIONS: &[(&str, (u64, u64))] = &[
    ("0s by 1s", (0, 1)),
    ("0s by 1m", (0, 60)),
    ("1s by 1s", (1, 1)),
    ("5s by 1m", (5, 60)),
    ("89s by 1m", (89, 60)),
    ("90s by 1m", (90, 60)),
    ("22m by 1s", (22 * 60, 1)),
    ("2h5m by 1s", (7_500, 1)),
    ("1h1m1s by 1s", (3_661, 1)),
    ("1d1h by 1h", (90_000, 3_600)),
    ("5d11s by 1s", (432_011, 1)),
];

fn durations(language: &str, expected: &Expect) {
    let say = |(seconds, round)| {
        let [time, round] = [seconds, round].map(Duration::from_secs);
        duration(time, round, language).unwrap()
    };
    table(language, DURATIONS, say, expected);
}

#[test]
fn durations_in_english() {
    durations(
        "en",
        &expect![[r#"
        0s by 1s: 0 unit/seconds = zero seconds
        0s by 1m: 0 unit/minutes = zero minutes
        1s by 1s: 1 unit/second = one second
        5s by 1m: 1 unit/minute = one minute
        89s by 1m: 1 unit/minute = one minute
        90s by 1m: 2 unit/minutes = two minutes
        22m by 1s: 20 2 unit/minutes = twenty two minutes
        2h5m by 1s: 2 unit/hours and 5 unit/minutes = two hours and five minutes
        1h1m1s by 1s: 1 unit/hour 1 unit/minute and 1 unit/second = one hour one minute and one second
        1d1h by 1h: 1 unit/day and 1 unit/hour = one day and one hour
        5d11s by 1s: 5 unit/days and 11 unit/seconds = five days and eleven seconds
    "#]],
    );
}

#[test]
fn durations_in_dutch() {
    durations(
        "nl",
        &expect![[r#"
        0s by 1s: 0 unit/seconds = nul seconden
        0s by 1m: 0 unit/minutes = nul minuten
        1s by 1s: 1 unit/second = één seconde
        5s by 1m: 1 unit/minute = één minuut
        89s by 1m: 1 unit/minute = één minuut
        90s by 1m: 2 unit/minutes = twee minuten
        22m by 1s: 22 unit/minutes = tweeëntwintig minuten
        2h5m by 1s: 2 unit/hour and 5 unit/minutes = twee uur en vijf minuten
        1h1m1s by 1s: 1 unit/hour 1 unit/minute and 1 unit/second = één uur één minuut en één seconde
        1d1h by 1h: 1 unit/day and 1 unit/hour = één dag en één uur
        5d11s by 1s: 5 unit/days and 11 unit/seconds = vijf dagen en elf seconden
    "#]],
    );
}

#[test]
fn durations_in_german() {
    durations(
        "de",
        &expect![[r#"
        0s by 1s: 0 unit/seconds = null Sekunden
        0s by 1m: 0 unit/minutes = null Minuten
        1s by 1s: 1-f unit/second = eine Sekunde
        5s by 1m: 1-f unit/minute = eine Minute
        89s by 1m: 1-f unit/minute = eine Minute
        90s by 1m: 2 unit/minutes = zwei Minuten
        22m by 1s: 22 unit/minutes = zweiundzwanzig Minuten
        2h5m by 1s: 2 unit/hours and 5 unit/minutes = zwei Stunden und fünf Minuten
        1h1m1s by 1s: 1-f unit/hour 1-f unit/minute and 1-f unit/second = eine Stunde eine Minute und eine Sekunde
        1d1h by 1h: 1-m unit/day and 1-f unit/hour = ein Tag und eine Stunde
        5d11s by 1s: 5 unit/days and 11 unit/seconds = fünf Tage und elf Sekunden
    "#]],
    );
}

#[test]
fn durations_in_russian() {
    durations(
        "ru",
        &expect![[r#"
        0s by 1s: 0 unit/seconds = ноль секунд
        0s by 1m: 0 unit/minutes = ноль минут
        1s by 1s: 1-f unit/second = одна секунда
        5s by 1m: 1-f unit/minute = одна минута
        89s by 1m: 1-f unit/minute = одна минута
        90s by 1m: 2-f unit/minutes-few = две минуты
        22m by 1s: 20 2-f unit/minutes-few = двадцать две минуты
        2h5m by 1s: 2 unit/hours-few 5 unit/minutes = два часа пять минут
        1h1m1s by 1s: 1 unit/hour 1-f unit/minute 1-f unit/second = один час одна минута одна секунда
        1d1h by 1h: 1 unit/day 1 unit/hour = один день один час
        5d11s by 1s: 5 unit/days 11 unit/seconds = пять дней одиннадцать секунд
    "#]],
    );
}

fn times(language: &str, expected: &Expect) {
    let rows = [
        "00:00", "00:30", "01:01", "09:05", "12:00", "12:15", "14:00", "21:22",
    ];
    let say = |text| time(time_of_day(text).unwrap(), language).unwrap();
    table(language, &rows.map(|row| (row, row)), say, expected);
}

#[test]
fn times_of_day() {
    times(
        "en",
        &expect![[r#"
        00:00: time/midnight = midnight
        00:30: 12 30 time/am = twelve thirty a m
        01:01: 1 oh 1 time/am = one oh one a m
        09:05: 9 oh 5 time/am = nine oh five a m
        12:00: time/noon = noon
        12:15: 12 15 time/pm = twelve fifteen p m
        14:00: 2 time/pm = two p m
        21:22: 9 20 2 time/pm = nine twenty two p m
    "#]],
    );
    times(
        "nl",
        &expect![[r#"
        00:00: 0 time/hour = nul uur
        00:30: 0 time/hour 30 = nul uur dertig
        01:01: 1 time/hour 1 = één uur één
        09:05: 9 time/hour 5 = negen uur vijf
        12:00: 12 time/hour = twaalf uur
        12:15: 12 time/hour 15 = twaalf uur vijftien
        14:00: 14 time/hour = veertien uur
        21:22: 21 time/hour 22 = eenentwintig uur tweeëntwintig
    "#]],
    );
    times(
        "de",
        &expect![[r#"
        00:00: 0 time/hour = null Uhr
        00:30: 0 time/hour 30 = null Uhr dreißig
        01:01: 1-m time/hour 1 = ein Uhr eins
        09:05: 9 time/hour 5 = neun Uhr fünf
        12:00: 12 time/hour = zwölf Uhr
        12:15: 12 time/hour 15 = zwölf Uhr fünfzehn
        14:00: 14 time/hour = vierzehn Uhr
        21:22: 21 time/hour 22 = einundzwanzig Uhr zweiundzwanzig
    "#]],
    );
    times(
        "ru",
        &expect![[r#"
        00:00: 0 unit/hours = ноль часов
        00:30: 0 unit/hours 30 unit/minutes = ноль часов тридцать минут
        01:01: 1 unit/hour 1-f unit/minute = один час одна минута
        09:05: 9 unit/hours 5 unit/minutes = девять часов пять минут
        12:00: 12 unit/hours = двенадцать часов
        12:15: 12 unit/hours 15 unit/minutes = двенадцать часов пятнадцать минут
        14:00: 14 unit/hours = четырнадцать часов
        21:22: 20 1 unit/hour 20 2-f unit/minutes-few = двадцать один час двадцать две минуты
    "#]],
    );
}

fn dates(language: &str, expected: &Expect) {
    let rows = [
        "2026-03-02",
        "1985-12-31",
        "1900-01-21",
        "2000-02-29",
        "2005-08-13",
        "2100-05-30",
        "1812-09-07",
    ];
    let say = |text| date(day(text).unwrap(), true, language).unwrap();
    table(language, &rows.map(|row| (row, row)), say, expected);
}

#[test]
fn dates_of_the_calendar() {
    dates(
        "en",
        &expect![[r#"
        2026-03-02: weekday/1 date/the ordinal/2 date/of month/3 20 20 6 = Monday the second of March twenty twenty six
        1985-12-31: weekday/2 date/the 30 ordinal/1 date/of month/12 19 80 5 = Tuesday the thirty first of December nineteen eighty five
        1900-01-21: weekday/7 date/the 20 ordinal/1 date/of month/1 19 hundred = Sunday the twenty first of January nineteen hundred
        2000-02-29: weekday/2 date/the 20 ordinal/9 date/of month/2 2 thousand = Tuesday the twenty ninth of February two thousand
        2005-08-13: weekday/6 date/the ordinal/13 date/of month/8 2 thousand and 5 = Saturday the thirteenth of August two thousand and five
        2100-05-30: weekday/7 date/the ordinal/30 date/of month/5 20 1 hundred = Sunday the thirtieth of May twenty one hundred
        1812-09-07: weekday/1 date/the ordinal/7 date/of month/9 18 12 = Monday the seventh of September eighteen twelve
    "#]],
    );
    dates(
        "nl",
        &expect![[r#"
        2026-03-02: weekday/1 2 month/3 2 thousand 26 = maandag twee maart twee duizend zesentwintig
        1985-12-31: weekday/2 31 month/12 19 hundred 85 = dinsdag eenendertig december negentien honderd vijfentachtig
        1900-01-21: weekday/7 21 month/1 19 hundred = zondag eenentwintig januari negentien honderd
        2000-02-29: weekday/2 29 month/2 2 thousand = dinsdag negenentwintig februari twee duizend
        2005-08-13: weekday/6 13 month/8 2 thousand 5 = zaterdag dertien augustus twee duizend vijf
        2100-05-30: weekday/7 30 month/5 2 thousand hundred = zondag dertig mei twee duizend honderd
        1812-09-07: weekday/1 7 month/9 18 hundred 12 = maandag zeven september achttien honderd twaalf
    "#]],
    );
    dates(
        "de",
        &expect![[r#"
        2026-03-02: weekday/1 date/2 month/3 2 thousand 26 = Montag zweiten März zwei tausend sechsundzwanzig
        1985-12-31: weekday/2 date/31 month/12 19 hundred 85 = Dienstag einunddreißigsten Dezember neunzehn hundert fünfundachtzig
        1900-01-21: weekday/7 date/21 month/1 19 hundred = Sonntag einundzwanzigsten Januar neunzehn hundert
        2000-02-29: weekday/2 date/29 month/2 2 thousand = Dienstag neunundzwanzigsten Februar zwei tausend
        2005-08-13: weekday/6 date/13 month/8 2 thousand 5 = Samstag dreizehnten August zwei tausend fünf
        2100-05-30: weekday/7 date/30 month/5 2 thousand 1-m hundred = Sonntag dreißigsten Mai zwei tausend ein hundert
        1812-09-07: weekday/1 date/7 month/9 18 hundred 12 = Montag siebten September achtzehn hundert zwölf
    "#]],
    );
    dates(
        "ru",
        &expect![[r#"
        2026-03-02: weekday/1 date/2 month/3 2-f thousands-few 20 year/6 year/year = в понедельник второго марта две тысячи двадцать шестого года
        1985-12-31: weekday/2 date/31 month/12 thousand 900 80 year/5 year/year = во вторник тридцать первого декабря тысяча девятьсот восемьдесят пятого года
        1900-01-21: weekday/7 date/21 month/1 thousand year/900 year/year = в воскресенье двадцать первого января тысяча девятисотого года
        2000-02-29: weekday/2 date/29 month/2 year/2000 year/year = во вторник двадцать девятого февраля двухтысячного года
        2005-08-13: weekday/6 date/13 month/8 2-f thousands-few year/5 year/year = в субботу тринадцатого августа две тысячи пятого года
        2100-05-30: weekday/7 date/30 month/5 2-f thousands-few year/100 year/year = в воскресенье тридцатого мая две тысячи сотого года
        1812-09-07: weekday/1 date/7 month/9 thousand 800 year/12 year/year = в понедельник седьмого сентября тысяча восемьсот двенадцатого года
    "#]],
    );
}

fn amounts(language: &str, expected: &Expect) {
    let rows = [
        ("0 EUR", ("0", Currency::Eur)),
        ("1 EUR", ("1", Currency::Eur)),
        ("12.50 EUR", ("12.50", Currency::Eur)),
        ("-0.01 USD", ("-0.01", Currency::Usd)),
        ("2.02 GBP", ("2.02", Currency::Gbp)),
        ("1.01 RUB", ("1.01", Currency::Rub)),
        ("1022.05 RUB", ("1022.05", Currency::Rub)),
        ("31.3 CHF", ("31.3", Currency::Chf)),
    ];
    let say = |(text, currency)| {
        let amount = Amount::parse(text).unwrap();
        money(amount, currency, language).unwrap()
    };
    table(language, &rows, say, expected);
}

#[test]
fn amounts_of_money() {
    amounts(
        "en",
        &expect![[r#"
        0 EUR: 0 money/euros = zero euros
        1 EUR: 1 money/euro = one euro
        12.50 EUR: 12 money/euros and 50 money/cents = twelve euros and fifty cents
        -0.01 USD: minus 1 money/cent = minus one cent
        2.02 GBP: 2 money/pounds and 2 money/pence = two pounds and two pence
        1.01 RUB: 1 money/rouble and 1 money/kopeck = one rouble and one kopeck
        1022.05 RUB: 1 thousand and 20 2 money/roubles and 5 money/kopecks = one thousand and twenty two roubles and five kopecks
        31.3 CHF: 30 1 money/francs and 30 money/rappens = thirty one francs and thirty centimes
    "#]],
    );
    amounts(
        "nl",
        &expect![[r#"
        0 EUR: 0 money/euro = nul euro
        1 EUR: 1 money/euro = één euro
        12.50 EUR: 12 money/euro and 50 money/cent = twaalf euro en vijftig cent
        -0.01 USD: minus 1 money/cent = min één cent
        2.02 GBP: 2 money/pound and 2 money/pence = twee pond en twee pence
        1.01 RUB: 1 money/rouble and 1 money/kopeck = één roebel en één kopeke
        1022.05 RUB: thousand 22 money/rouble and 5 money/kopeck = duizend tweeëntwintig roebel en vijf kopeke
        31.3 CHF: 31 money/franc and 30 money/rappen = eenendertig frank en dertig rappen
    "#]],
    );
    amounts(
        "de",
        &expect![[r#"
        0 EUR: 0 money/euro = null Euro
        1 EUR: 1-m money/euro = ein Euro
        12.50 EUR: 12 money/euro and 50 money/cent = zwölf Euro und fünfzig Cent
        -0.01 USD: minus 1-m money/cent = minus ein Cent
        2.02 GBP: 2 money/pound and 2 money/pence = zwei Pfund und zwei Pence
        1.01 RUB: 1-m money/rouble and 1-f money/kopeck = ein Rubel und eine Kopeke
        1022.05 RUB: 1-m thousand 22 money/rouble and 5 money/kopecks = ein tausend zweiundzwanzig Rubel und fünf Kopeken
        31.3 CHF: 31 money/franc and 30 money/rappen = einunddreißig Franken und dreißig Rappen
    "#]],
    );
    amounts(
        "ru",
        &expect![[r#"
        0 EUR: 0 money/euro = ноль евро
        1 EUR: 1 money/euro = один евро
        12.50 EUR: 12 money/euro 50 money/cents = двенадцать евро пятьдесят центов
        -0.01 USD: minus 1 money/cent = минус один цент
        2.02 GBP: 2 money/pounds-few 2 money/pence-few = два фунта два пенса
        1.01 RUB: 1 money/rouble 1-f money/kopeck = один рубль одна копейка
        1022.05 RUB: 1-f thousand 20 2 money/roubles-few 5 money/kopecks = одна тысяча двадцать два рубля пять копеек
        31.3 CHF: 30 1 money/franc 30 money/rappens = тридцать один франк тридцать раппенов
    "#]],
    );
}

fn announcements(language: &str, expected: &Expect) {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let said = [
        ("3rd", position(3, language)),
        ("0s", estimated_wait(Duration::ZERO, language)),
        ("60s", estimated_wait(minutes(1), language)),
        ("61s", estimated_wait(Duration::from_secs(61), language)),
        ("1h", estimated_wait(minutes(60), language)),
        ("61m", estimated_wait(minutes(61), language)),
        ("1-2m", wait_between(minutes(1), minutes(2), language)),
        ("5-10m", wait_between(minutes(5), minutes(10), language)),
        ("7-7m", wait_between(minutes(7), minutes(7), language)),
        ("9-70m", wait_between(minutes(9), minutes(70), language)),
        ("worse", waiting_longer(language)),
    ];
    let names = |row: usize| {
        let (_, spoken) = &said[row];
        let names = spoken.iter().map(|spoken| match spoken {
            crate::flow::Spoken::Sound { name, .. } => name.to_string(),
            crate::flow::Spoken::Said(_)
            | crate::flow::Spoken::Silence(_)
            | crate::flow::Spoken::Tone => "?".to_owned(),
        });
        names.collect()
    };
    let rows: Vec<(&str, usize)> = said.iter().enumerate().map(|(n, row)| (row.0, n)).collect();
    table(language, &rows, names, expected);
}

#[test]
fn what_a_queue_announces() {
    announcements(
        "en",
        &expect![[r#"
        3rd: queue/you-are-number 3 queue/in-line = You are number three in line.
        0s: queue/estimated-wait queue/less-than-a-minute = The estimated wait is less than a minute.
        60s: queue/estimated-wait 1 unit/minute = The estimated wait is one minute
        61s: queue/estimated-wait 2 unit/minutes = The estimated wait is two minutes
        1h: queue/estimated-wait 60 unit/minutes = The estimated wait is sixty minutes
        61m: queue/estimated-wait queue/more-than-an-hour = The estimated wait is more than an hour.
        1-2m: queue/estimated-wait queue/between 1 queue/and 2 unit/minutes = The estimated wait is between one and two minutes
        5-10m: queue/estimated-wait queue/between 5 queue/and 10 unit/minutes = The estimated wait is between five and ten minutes
        7-7m: queue/estimated-wait 7 unit/minutes = The estimated wait is seven minutes
        9-70m: queue/estimated-wait queue/more-than-an-hour = The estimated wait is more than an hour.
        worse: queue/longer-than-we-said = We are sorry. It takes longer than we said.
    "#]],
    );
    announcements(
        "nl",
        &expect![[r#"
        3rd: queue/you-are-number 3 queue/in-line = U bent nummer drie in de rij.
        0s: queue/estimated-wait queue/less-than-a-minute = De verwachte wachttijd is minder dan een minuut.
        60s: queue/estimated-wait 1 unit/minute = De verwachte wachttijd is één minuut
        61s: queue/estimated-wait 2 unit/minutes = De verwachte wachttijd is twee minuten
        1h: queue/estimated-wait 60 unit/minutes = De verwachte wachttijd is zestig minuten
        61m: queue/estimated-wait queue/more-than-an-hour = De verwachte wachttijd is meer dan een uur.
        1-2m: queue/estimated-wait queue/between 1 queue/and 2 unit/minutes = De verwachte wachttijd is tussen één en twee minuten
        5-10m: queue/estimated-wait queue/between 5 queue/and 10 unit/minutes = De verwachte wachttijd is tussen vijf en tien minuten
        7-7m: queue/estimated-wait 7 unit/minutes = De verwachte wachttijd is zeven minuten
        9-70m: queue/estimated-wait queue/more-than-an-hour = De verwachte wachttijd is meer dan een uur.
        worse: queue/longer-than-we-said = Het spijt ons. Het duurt langer dan we zeiden.
    "#]],
    );
    announcements(
        "de",
        &expect![[r#"
        3rd: queue/you-are-number 3 queue/in-line = Sie sind Nummer drei in der Warteschlange.
        0s: queue/estimated-wait queue/less-than-a-minute = Die voraussichtliche Wartezeit beträgt weniger als eine Minute.
        60s: queue/estimated-wait 1-f unit/minute = Die voraussichtliche Wartezeit beträgt eine Minute
        61s: queue/estimated-wait 2 unit/minutes = Die voraussichtliche Wartezeit beträgt zwei Minuten
        1h: queue/estimated-wait 60 unit/minutes = Die voraussichtliche Wartezeit beträgt sechzig Minuten
        61m: queue/estimated-wait queue/more-than-an-hour = Die voraussichtliche Wartezeit beträgt mehr als eine Stunde.
        1-2m: queue/estimated-wait queue/between 1-f queue/and 2 unit/minutes = Die voraussichtliche Wartezeit beträgt zwischen eine und zwei Minuten
        5-10m: queue/estimated-wait queue/between 5 queue/and 10 unit/minutes = Die voraussichtliche Wartezeit beträgt zwischen fünf und zehn Minuten
        7-7m: queue/estimated-wait 7 unit/minutes = Die voraussichtliche Wartezeit beträgt sieben Minuten
        9-70m: queue/estimated-wait queue/more-than-an-hour = Die voraussichtliche Wartezeit beträgt mehr als eine Stunde.
        worse: queue/longer-than-we-said = Es tut uns leid. Es dauert länger als angekündigt.
    "#]],
    );
    announcements(
        "ru",
        &expect![[r#"
        3rd: queue/you-are-number 3 = Ваш номер в очереди три
        0s: queue/estimated-wait queue/less-than-a-minute = Примерное время ожидания меньше минуты.
        60s: queue/estimated-wait 1-f unit/minute = Примерное время ожидания одна минута
        61s: queue/estimated-wait 2-f unit/minutes-few = Примерное время ожидания две минуты
        1h: queue/estimated-wait 60 unit/minutes = Примерное время ожидания шестьдесят минут
        61m: queue/estimated-wait queue/more-than-an-hour = Примерное время ожидания больше часа.
        1-2m: queue/estimated-wait 1-f 2-f unit/minutes-few = Примерное время ожидания одна две минуты
        5-10m: queue/estimated-wait 5 10 unit/minutes = Примерное время ожидания пять десять минут
        7-7m: queue/estimated-wait 7 unit/minutes = Примерное время ожидания семь минут
        9-70m: queue/estimated-wait queue/more-than-an-hour = Примерное время ожидания больше часа.
        worse: queue/longer-than-we-said = Просим прощения. Ждать придётся дольше, чем мы говорили.
    "#]],
    );
}
