//! `mtok gpus`: specification sheets and rental offers.

use super::failure::Failure;
use super::output;
use super::raw::RawGpus;
use crate::clock::today;
use crate::hardware::{Catalogue, Gpu, Rentals};
use crate::report::{
    GpuCard, GpuList, GpuRents, RentList, gpu_document, gpus_document, rents_document,
};

/// Lists, shows, or says what GPUs rent for.
pub(crate) fn run(raw: RawGpus) -> Result<(), Failure> {
    let (gpus, rentals) = (Catalogue::embedded()?, Rentals::embedded()?);
    let today = today();
    match raw {
        RawGpus::List { output } => {
            let list = GpuList::of(gpus.gpus(), &rentals, today);
            output::print(output.format(), &gpus_document(&list), &list)
        }
        RawGpus::Show { gpu, output } => {
            let card = GpuCard::of(find(&gpus, &gpu)?, &rentals, today);
            output::print(output.format(), &gpu_document(&card), &card)
        }
        RawGpus::Prices { gpu, output } => {
            let one = gpu.as_deref().map(|name| find(&gpus, name)).transpose()?;
            let of = one.map_or(gpus.gpus(), std::slice::from_ref);
            let rents = of.iter().map(|gpu| GpuRents::of(gpu, &rentals, today)).collect();
            let list = RentList { schema: "mtok.rents/1", gpus: rents };
            output::print(output.format(), &rents_document(&list), &list)
        }
    }
}

/// By the name that a driver gives, else by one that people type.
fn find<'a>(gpus: &'a Catalogue, name: &str) -> Result<&'a Gpu, Failure> {
    match gpus.by_device_name(name) {
        Some(gpu) => Ok(gpu),
        None => Ok(gpus.by_name(name)?),
    }
}
