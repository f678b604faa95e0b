//! From the datasets that a plan asks for to those that scripts take rows of.

use std::collections::BTreeMap;

use data::{DatasetSpec, Datasets, Share};
use plan::{DatasetPlan, Plan};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// Reads the files of all datasets through.
///
/// Fails with everything that is wrong with any of them.
pub(crate) fn open(plan: &Plan) -> Result<Datasets, Fault> {
    let specs: BTreeMap<String, DatasetSpec> =
        plan.datasets.iter().map(|(name, dataset)| (name.clone(), spec(dataset))).collect();
    Datasets::open(&specs, plan.least_vus(), Share::WHOLE).map_err(|problems| {
        let fault = Fault::new(ExitCode::InvalidConfig, "the datasets are invalid");
        problems.iter().fold(fault, |fault, problem| fault.detail(problem.to_string()))
    })
}

fn spec(dataset: &DatasetPlan) -> DatasetSpec {
    DatasetSpec {
        file: (&dataset.file).into(),
        format: match dataset.format {
            plan::RowFormat::Csv { delimiter } => data::RowFormat::Csv { delimiter },
            plan::RowFormat::JsonLines => data::RowFormat::JsonLines,
        },
        order: match dataset.order {
            plan::RowOrder::Sequential => data::RowOrder::Sequential,
            plan::RowOrder::Random { seed } => data::RowOrder::Random { seed },
            plan::RowOrder::Unique { on_exhausted } => {
                data::RowOrder::Unique { on_exhausted: at_end(on_exhausted) }
            }
            plan::RowOrder::ByVu => data::RowOrder::ByVu,
        },
    }
}

fn at_end(on_exhausted: plan::OnExhausted) -> data::OnExhausted {
    match on_exhausted {
        plan::OnExhausted::Stop => data::OnExhausted::Stop,
        plan::OnExhausted::Wrap => data::OnExhausted::Wrap,
        plan::OnExhausted::Fail => data::OnExhausted::Fail,
    }
}
