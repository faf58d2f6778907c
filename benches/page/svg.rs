//! Two kinds of plots, as SVG.

use std::fmt::Write;

pub struct Bar {
    pub name: &'static str,
    pub value: f64,
    /// After the point.
    pub digits: usize,
    pub is_ours: bool,
}

const WIDTH: f64 = 720.0;
const NAMES: f64 = 250.0;
const ROW: f64 = 30.0;
const TOP: f64 = 50.0;
const OURS: &str = "#6b4fbb";
const OTHERS: &str = "#9aa5b1";

/// One bar below the other, from zero.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    let height = TOP + ROW * bars.len() as f64 + 10.0;
    let most = bars
        .iter()
        .map(|bar| bar.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - NAMES - 80.0) / most;
    let mut svg = begin(title, height);
    for (row, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let width = (bar.value * scale).max(1.0);
        let colour = if bar.is_ours { OURS } else { OTHERS };
        let middle = y + 15.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{NAMES:.0}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"20\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{middle:.0}\">{:.digits$}</text>",
            NAMES - 10.0,
            bar.name,
            NAMES + width + 8.0,
            bar.value,
            digits = bar.digits
        );
    }
    svg + "</svg>\n"
}

/// Points from left to right by the logarithm of the first value, and from zero up by the second.
pub fn line(title: &str, points: &[(f64, f64)]) -> String {
    let (bottom, left, right) = (230.0, 60.0, WIDTH - 60.0);
    let highest = points
        .iter()
        .map(|point| point.1)
        .fold(f64::MIN_POSITIVE, f64::max);
    let furthest = points
        .iter()
        .map(|point| point.0.log10())
        .fold(1.0, f64::max);
    let place = |(x, y): (f64, f64)| {
        let x = left + (right - left) * x.log10() / furthest;
        (x, bottom - (bottom - TOP - 20.0) * y / highest)
    };
    let mut svg = begin(title, bottom + 40.0);
    let _ = writeln!(
        svg,
        "<line x1=\"{left}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\" stroke=\"{OTHERS}\"/>"
    );
    let path: Vec<_> = points
        .iter()
        .map(|point| {
            let (x, y) = place(*point);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let path = path.join(" ");
    let _ = writeln!(
        svg,
        "<polyline points=\"{path}\" fill=\"none\" stroke=\"{OURS}\" stroke-width=\"2\"/>"
    );
    for point in points {
        let (x, y) = place(*point);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{OURS}\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.2}</text>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            y - 10.0,
            point.1,
            bottom + 20.0,
            point.0
        );
    }
    svg + "</svg>\n"
}

fn begin(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\" \
         role=\"img\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    )
}
