//! Three layers, as an example of something to test: a convolution, a max pooling and a cross entropy.
//!
//! Every number of an array is held in an f64, and results are rounded once. With `wrong` each has one defect.
use crate::json::Json;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Array {
    pub dtype: String,
    pub shape: Vec<usize>,
    /// In row-major order.
    pub data: Vec<f64>,
}

#[derive(Debug)]
pub enum Failure {
    Refused(String),
    NotOffered(String),
}

pub type Results = Result<Vec<(&'static str, Array)>, Failure>;

pub const FUNCTIONS: [&str; 3] = ["conv2d", "max_pool2d", "cross_entropy"];

fn refuse_unless(condition: bool, message: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::Refused(message.to_string())) }
}

fn rounded(dtype: &str, shape: Vec<usize>, mut data: Vec<f64>) -> Array {
    if dtype == "float32" {
        data.iter_mut().for_each(|number| *number = *number as f32 as f64);
    }
    Array { dtype: dtype.to_string(), shape, data }
}

/// The options as the vectors hold them.
struct Window {
    kernel: [i64; 2],
    stride: [i64; 2],
    padding: [[i64; 2]; 2],
    dilation: [i64; 2],
}

fn whole(number: &Json) -> Result<i64, Failure> {
    let found = number.number();
    refuse_unless(found == found.trunc(), "a whole number was expected")?;
    if found.abs() > (1i64 << 53) as f64 {
        return Err(Failure::NotOffered("whole numbers of more than 53 bits".to_string()));
    }
    Ok(found as i64)
}

fn pair(sizes: &Json, least: i64) -> Result<[i64; 2], Failure> {
    refuse_unless(sizes.list().len() == 2, "two numbers were expected, one for each axis")?;
    let found = [whole(&sizes.list()[0])?, whole(&sizes.list()[1])?];
    refuse_unless(found.iter().all(|size| *size >= least), "a number is too small")?;
    Ok(found)
}

fn window(kernel: [i64; 2], options: &Json) -> Result<Window, Failure> {
    let padding = options.get("padding").list();
    refuse_unless(padding.len() == 2, "padding must be two pairs")?;
    let (stride, dilation) = (pair(options.get("stride"), 1)?, pair(options.get("dilation"), 1)?);
    Ok(Window { kernel, stride, padding: [pair(&padding[0], 0)?, pair(&padding[1], 0)?], dilation })
}

impl Window {
    fn sizes_of_output(&self, size: [usize; 2], ceil: bool) -> Result<[usize; 2], Failure> {
        let mut found = [0; 2];
        for axis in 0..2 {
            let (stride, [before, after]) = (self.stride[axis], self.padding[axis]);
            let wide = self.dilation[axis].saturating_mul(self.kernel[axis] - 1);
            let room = (size[axis] as i64 + before + after - 1).saturating_sub(wide);
            refuse_unless(self.kernel[axis] > 0 && room >= 0, "the kernel is empty, or larger than the padded input")?;
            let mut steps = room / stride;
            // A window that begins behind the input and the padding before it does not count.
            if ceil && room % stride > 0 && (steps + 1) * stride < size[axis] as i64 + before {
                steps += 1;
            }
            found[axis] = steps as usize + 1;
        }
        Ok(found)
    }

    /// The cell under a tap of the window at a place, unless it lies in the padding; and the number of the tap.
    fn cells(&self, place: [usize; 2], size: [usize; 2]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for y in 0..self.kernel[0] {
            for x in 0..self.kernel[1] {
                let at = |axis: usize, tap: i64| {
                    place[axis] as i64 * self.stride[axis] + tap * self.dilation[axis] - self.padding[axis][0]
                };
                let (row, column) = (at(0, y), at(1, x));
                if (0..size[0] as i64).contains(&row) && (0..size[1] as i64).contains(&column) {
                    found.push((row as usize * size[1] + column as usize, (y * self.kernel[1] + x) as usize));
                }
            }
        }
        found
    }
}

fn batched(input: &Array) -> Result<[usize; 4], Failure> {
    let shape = &input.shape;
    refuse_unless(shape.len() == 3 || shape.len() == 4, "input must have 3 or 4 axes")?;
    let last = &shape[shape.len() - 3..];
    refuse_unless(!last.contains(&0), "only the batch may be empty")?;
    Ok([if shape.len() == 4 { shape[0] } else { 1 }, last[0], last[1], last[2]])
}

fn conv2d(input: &Array, weight: &Array, bias: Option<&Array>, options: &Json, wrong: bool) -> Results {
    let [n, channels, height, width] = batched(input)?;
    refuse_unless(weight.shape.len() == 4, "weight must have 4 axes")?;
    let (outputs, per_group, taps) = (weight.shape[0], weight.shape[1], weight.shape[2] * weight.shape[3]);
    let groups = whole(options.get("groups"))?.max(0) as usize;
    refuse_unless(groups > 0 && outputs > 0 && outputs % groups == 0, "groups must divide the outputs")?;
    refuse_unless(per_group * groups == channels, "weight has another number of channels than input")?;
    refuse_unless(bias.map_or(true, |bias| bias.shape == [outputs]), "bias has another length than weight")?;
    let window = window([weight.shape[2] as i64, weight.shape[3] as i64], options)?;
    let [rows, columns] = window.sizes_of_output([height, width], false)?;
    let mut data = Vec::new();
    for image in 0..n {
        for o in 0..outputs {
            for place in 0..rows * columns {
                let mut sum = bias.map_or(0.0, |bias| bias.data[o]);
                let cells = window.cells([place / columns, place % columns], [height, width]);
                for c in 0..per_group {
                    let plane = (image * channels + o / (outputs / groups) * per_group + c) * height * width;
                    for (cell, tap) in &cells {
                        let tap = if wrong { taps - 1 - tap } else { *tap };
                        sum += input.data[plane + cell] * weight.data[(o * per_group + c) * taps + tap];
                    }
                }
                data.push(sum);
            }
        }
    }
    let shape = [&input.shape[..input.shape.len() - 3], &[outputs, rows, columns]].concat();
    Ok(vec![("output", rounded(&input.dtype, shape, data))])
}

fn max_pool2d(input: &Array, options: &Json, wrong: bool) -> Results {
    let [n, channels, height, width] = batched(input)?;
    let window = window(pair(options.get("kernel_size"), 1)?, options)?;
    refuse_unless(matches!(options.get("ceil_mode"), Json::Bool(_)), "ceil_mode must be true or false")?;
    let [rows, columns] = window.sizes_of_output([height, width], *options.get("ceil_mode") == Json::Bool(true))?;
    let half = |axis: usize| window.padding[axis][0] <= window.kernel[axis] / 2;
    refuse_unless(half(0) && half(1), "padding must be at most half of kernel_size")?;
    let (mut data, mut indices) = (Vec::new(), Vec::new());
    for plane in 0..n * channels {
        for place in 0..rows * columns {
            let (mut best, mut at) = (if wrong { 0.0 } else { f64::NEG_INFINITY }, -1.0);
            for (cell, _) in window.cells([place / columns, place % columns], [height, width]) {
                let value = input.data[plane * height * width + cell];
                if (at < 0.0 && !wrong) || value > best || value.is_nan() {
                    (best, at) = (value, cell as f64);
                }
            }
            data.push(best);
            indices.push(at);
        }
    }
    let shape = [&input.shape[..input.shape.len() - 2], &[rows, columns]].concat();
    let mut results = vec![("output", rounded(&input.dtype, shape.clone(), data))];
    if *options.get("return_indices") == Json::Bool(true) {
        results.push(("indices", rounded("int64", shape, indices)));
    }
    Ok(results)
}

fn cross_entropy(input: &Array, target: &Array, weight: Option<&Array>, options: &Json, wrong: bool) -> Results {
    if input.shape.len() != 2 || target.dtype != "int64" || *options.get("label_smoothing") != Json::Number(0.0) {
        return Err(Failure::NotOffered("other than two axes, whole labels and no smoothing".to_string()));
    }
    let (samples, classes) = (input.shape[0], input.shape[1]);
    refuse_unless(target.shape == [samples], "target has another length than input")?;
    refuse_unless(weight.map_or(true, |weight| weight.shape == [classes]), "weight has another length than input")?;
    let (ignored, reduction) = (whole(options.get("ignore_index"))? as f64, options.get("reduction").text());
    refuse_unless(["none", "sum", "mean"].contains(&reduction), "reduction must be none, sum or mean")?;
    let (mut losses, mut total) = (Vec::new(), 0.0);
    for (sample, label) in target.data.iter().enumerate() {
        if *label == ignored {
            losses.push(0.0);
            continue;
        }
        refuse_unless((0.0..classes as f64).contains(label), "target has a class that there is not")?;
        let scores = &input.data[sample * classes..(sample + 1) * classes];
        let largest = scores.iter().cloned().fold(f64::NEG_INFINITY, f64::max);
        let powers: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
        let share = weight.map_or(1.0, |weight| weight.data[*label as usize]);
        total += share;
        losses.push(share * (powers.ln() + (largest - scores[*label as usize])));
    }
    let sum: f64 = losses.iter().sum();
    Ok(vec![("output", match reduction {
        "none" => rounded(&input.dtype, vec![samples], losses),
        "sum" => rounded(&input.dtype, vec![], vec![sum]),
        _ => rounded(&input.dtype, vec![], vec![sum / if wrong { samples as f64 } else { total }]),
    })])
}

/// The results of a call by name, as the vectors name functions, arguments and options.
pub fn call(function: &str, given: &BTreeMap<String, Array>, options: &Json, wrong: bool) -> Results {
    let (input, weight, bias) = (given.get("input"), given.get("weight"), given.get("bias"));
    let input = input.ok_or_else(|| Failure::NotOffered(function.to_string()))?;
    if !FUNCTIONS.contains(&function) || !input.dtype.starts_with("float") {
        return Err(Failure::NotOffered(format!("{function} of {}", input.dtype)));
    }
    let same = |other: Option<&Array>| other.map_or(true, |other| other.dtype == input.dtype);
    refuse_unless(same(weight) && same(bias), "the dtypes of the arguments do not go together")?;
    match (function, weight, given.get("target")) {
        ("conv2d", Some(weight), _) => conv2d(input, weight, bias, options, wrong),
        ("max_pool2d", _, _) => max_pool2d(input, options, wrong),
        ("cross_entropy", _, Some(target)) => cross_entropy(input, target, weight, options, wrong),
        _ => Err(Failure::Refused("an argument is missing".to_string())),
    }
}
