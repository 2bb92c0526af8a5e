//! What an hour of the machine costs: its rent, or what owning it comes to; and how it is rented.

use super::{Failure, grain, optional, value};
use crate::cli::raw::RawSitting;
use crate::cost::{MachinePrice, Sitting};
use crate::hardware::Owned;
use crate::hint::Fault;
use crate::units::{Ratio, Seconds, Usd, UsdPerHour, UsdPerKwh, Watts};

/// Where a rent is read from that no flag says.
const RENT: &str = "MTOK_PRICE";

/// Above this a price is a slip of the pen, and has more digits than a table has room for.
const DEAREST: UsdPerHour = UsdPerHour(1e9);

/// A machine's figures by name: each, the name that has the unit in it, and that unit.
const FIGURES: [(&str, &str, &str); 8] = [
    ("purchase", "capex", ""),
    ("resale", "", ""),
    ("life", "years", "y"),
    ("power", "watts", "W"),
    ("pue", "", ""),
    ("electricity", "kwh", "/kWh"),
    ("hosting", "", ""),
    ("capital", "", ""),
];

/// Those that a price can't be worked out without: none has a value that holds for most machines.
const NEEDED: [&str; 5] = ["purchase", "life", "power", "pue", "electricity"];

/// The price that is stated, where one is: a flag's word stands above the environment's.
pub(super) fn hour(
    price: Option<&str>,
    owned: Option<&str>,
) -> Result<Option<MachinePrice>, Failure> {
    match (price, owned) {
        (Some(price), Some(_)) if std::env::var(RENT).as_deref() != Ok(price) => {
            let message = "`--price` says what a machine rents for, and `--owned` that it is yours";
            Err(Failure::new(Fault::Usage, message).hint("leave one of them out"))
        }
        (_, Some(owned)) => Ok(Some(self::owned(owned)?)),
        (price, None) => Ok(price.map(rent).transpose()?.map(MachinePrice::given)),
    }
}

/// What a machine rents for by the hour.
pub(super) fn rent(text: &str) -> Result<UsdPerHour, Failure> {
    let price = value("--price", text)?;
    if price <= DEAREST {
        return Ok(price);
    }
    let message = format!("`--price`: `{text}` is more than any machine costs");
    Err(Failure::new(Fault::Usage, message).hint("write it like `2.50/h`"))
}

/// A machine of one's own.
fn owned(text: &str) -> Result<MachinePrice, Failure> {
    let figures = Figures::of(text)?;
    if let Some(missing) = NEEDED.into_iter().find(|name| figures.find(name).is_none()) {
        return Err(refused(format!("`{missing}` is missing")));
    }
    let machine = Owned {
        purchase: figures.value::<Usd>("purchase")?.unwrap_or_default(),
        resale: figures.value::<Usd>("resale")?.unwrap_or_default(),
        life: figures.value::<Seconds>("life")?.unwrap_or_default(),
        power: figures.value::<Watts>("power")?.unwrap_or_default(),
        pue: figures.pue()?.unwrap_or(Ratio::ONE),
        electricity: figures.value::<UsdPerKwh>("electricity")?.unwrap_or_default(),
        hosting: figures.value::<UsdPerHour>("hosting")?.unwrap_or_default(),
        cost_of_capital: figures.value::<Ratio>("capital")?.unwrap_or_default(),
    };
    let price = MachinePrice::owned(machine).map_err(|error| Failure::flag("--owned", &error))?;
    if price.usd_per_hour <= DEAREST {
        return Ok(price);
    }
    Err(refused("an hour of it is more than any machine costs"))
}

fn refused(why: impl std::fmt::Display) -> Failure {
    Failure::new(Fault::Usage, format!("`--owned`: {why}")).hint(
        "write it like `purchase=35000,life=4y,power=700W,pue=1.3,electricity=0.12/kWh`; `resale`, \
         `hosting` and `capital` may be left out",
    )
}

/// `name=value`, each name once.
struct Figures<'a>(Vec<(&'static str, &'a str, &'static str)>);

impl<'a> Figures<'a> {
    fn of(text: &'a str) -> Result<Self, Failure> {
        let mut found = Self(Vec::new());
        for figure in text.split(',') {
            let Some((name, value)) = figure.split_once('=') else {
                return Err(refused(format!("`{}` is no name and value", figure.trim())));
            };
            let name = name.trim();
            let known = FIGURES.into_iter().find(|(full, with_unit, _)| {
                name == *full || (!with_unit.is_empty() && name == *with_unit)
            });
            let Some((full, with_unit, unit)) = known else {
                return Err(refused(format!("`{name}` is no figure of a machine")));
            };
            if found.find(full).is_some() {
                return Err(refused(format!("`{full}` stands twice")));
            }
            found.0.push((full, value.trim(), if name == with_unit { unit } else { "" }));
        }
        Ok(found)
    }

    fn find(&self, name: &str) -> Option<(&'a str, &'static str)> {
        let (_, value, unit) = self.0.iter().find(|(full, ..)| *full == name)?;
        Some((value, unit))
    }

    /// A quantity; a bare number has the unit that its name has.
    fn value<T>(&self, name: &str) -> Result<Option<T>, Failure>
    where
        T: std::str::FromStr,
        T::Err: crate::hint::Hint,
    {
        let Some((text, unit)) = self.find(name) else { return Ok(None) };
        let bare = text.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        let unit = if bare { unit } else { "" };
        let read = value(&format!("--owned {name}"), &format!("{text}{unit}"));
        // A machine's life is no matter of milliseconds.
        read.map(Some).map_err(|failure| match name {
            "life" => failure.hint("write it like `4y`"),
            _ => failure,
        })
    }

    /// A pure number, which is at least 1: no share, so `30%` is none.
    fn pue(&self) -> Result<Option<Ratio>, Failure> {
        let Some((text, _)) = self.find("pue") else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(Ratio::of(number))),
            Err(_) => Err(refused(format!("`pue`: `{text}` is no number"))),
        }
    }
}

/// How the machine is rented, where that is said.
pub(super) fn sitting(
    raw: &RawSitting,
    price: Option<&MachinePrice>,
) -> Result<Option<Sitting>, Failure> {
    let rented: Option<Seconds> = optional("--rented", raw.rented.as_deref())?;
    let start_up = optional("--start-up", raw.start_up.as_deref())?;
    let beside = optional("--beside", raw.beside.as_deref())?;
    let Some(rented) = rented else {
        let needing = [
            ("`--start-up`", start_up.is_some()),
            ("`--billing`", raw.billing.is_some()),
            ("`--beside`", beside.is_some()),
        ];
        return match needing.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(super::missing("--rented", flag, "5h")),
            None => Ok(None),
        };
    };
    if price.is_some_and(MachinePrice::is_owned) {
        let message =
            "`--rented` says how long a machine is rented, and `--owned` that it is yours";
        return Err(Failure::new(Fault::Usage, message).hint("leave one of them out"));
    }
    let start_up = start_up.unwrap_or(Seconds(0.0));
    if start_up >= rented {
        let message = format!("`--start-up`: {start_up} leave nothing of the {rented} rented");
        return Err(Failure::new(Fault::Usage, message).hint("rent for longer than start-up takes"));
    }
    let beside = beside.unwrap_or(UsdPerHour(0.0));
    Ok(Some(Sitting {
        beside,
        rented,
        start_up,
        grain: raw.billing.map(grain).unwrap_or_default(),
    }))
}
