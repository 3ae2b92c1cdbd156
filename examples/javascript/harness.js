// Three layers held against the vectors of torch-by-hand, or serving them as a subject.
//
//   node harness.js DIR ANSWERS.json [--wrong]   compare with the vectors in DIR; write the answers
//   node harness.js --serve [--wrong]            --subject "command: node harness.js --serve"
const fs = require("fs");
const { layers, Refused, NotOffered } = require("./layers");

const wrong = process.argv.includes("--wrong"), name = `the JavaScript example${wrong ? ", wrong" : ""}`;
const FORMATS = { float32: [4, "FloatBE"], float64: [8, "DoubleBE"], int64: [8, "BigInt64BE"], uint8: [1, "UInt8"] };

function read({ dtype, shape, bits, generator }) {
  if (!(dtype in FORMATS)) return { dtype, shape, data: [] };
  const [size, kind] = FORMATS[dtype];
  const bytes = Buffer.from(bits ?? "", "hex");
  let state = generator?.seed;
  const data = Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, i) => {
    if (!generator) return Number(bytes[`read${kind}`](i * size));
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (generator.low + Math.floor(((state >>> 16) * generator.count) / 65536)) * 2 ** generator.exponent;
  });
  return { dtype, shape, data };
}

function written({ dtype, shape, data }) {
  const [size, kind] = FORMATS[dtype];
  const bytes = Buffer.alloc(size * data.length);
  data.forEach((number, i) => bytes[`write${kind}`](dtype === "int64" ? BigInt(number) : number, i * size));
  return { dtype, shape, bits: bytes.toString("hex") };
}

function resultsOf({ function: layer, options }, inputs) {
  const other = Object.values(inputs).find((array) => array && !(array.dtype in FORMATS));
  if (other || !(layer in layers)) return { not_offered: other ? other.dtype : layer };
  try {
    return layers[layer]({ ...inputs, ...options }, wrong);
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message };
    if (error instanceof NotOffered) return { not_offered: error.message };
    throw error;
  }
}

function mapped(object, convert) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value)]));
}

function serve() {
  const offered = { name, functions: Object.keys(layers), dtypes: ["float32", "float64"] };
  require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const request = JSON.parse(line);
    let said = { hello: offered };
    if (!("hello" in request)) {
      const results = resultsOf(request, mapped(request.arguments, (array) => array && read(array)));
      said = { answer: mapped(results, (result) => (typeof result === "string" ? result : written(result))) };
    }
    console.log(JSON.stringify({ id: request.id, ...said }));
  });
}

// Return what is wrong with the results of a case, or an empty string.
function complaint({ expected, dtype }, results, arrays) {
  if ("refused" in results) return "refused" in expected ? "" : `is refused: ${results.refused}`;
  if ("refused" in expected) return `is taken, though ${expected.refused}`;
  for (const [key, { absent, shape, equals, signed_zeros, near, within, places }] of Object.entries(expected)) {
    if (absent) continue;
    const found = results[key];
    if (String(found?.shape) !== String(shape)) return `${key} has shape [${found?.shape}], expected [${shape}]`;
    if (found.dtype !== (equals ? arrays(equals).dtype : dtype)) return `${key} is of ${found.dtype}`;
    const right = arrays(equals ?? near).data, bounds = within && arrays(within).data;
    const data = places ? places.map((place) => found.data[place]) : found.data;
    const at = right.findIndex((number, i) => {
      const got = data[i];
      if (bounds) return !(Math.abs(got - number) <= bounds[i]);
      return !(signed_zeros ? Object.is(got, number) : got === number || (Number.isNaN(got) && Number.isNaN(number)));
    });
    if (at >= 0) return `${key}: element ${places?.[at] ?? at} is ${data[at]}, expected ${right[at]}`;
  }
  return "";
}

function compare(folder, file) {
  const answers = {}, counts = { passed: 0, failed: 0, "not offered": 0 };
  const sets = Object.keys(layers).map((layer) => JSON.parse(fs.readFileSync(`${folder}/${layer}.json`, "utf8")));
  for (const set of sets) {
    const arrays = (key) => read(set.arrays[key]);
    for (const one of set.cases) {
      const results = resultsOf(one, mapped(one.arguments, (key) => key && arrays(key)));
      const why = "not_offered" in results ? null : complaint(one, results, arrays);
      answers[one.id] = why === null ? results : why ? { passed: false, why } : { passed: true };
      counts[why === null ? "not offered" : why ? "failed" : "passed"]++;
      if (why) console.log(`${one.id}: ${why}`);
    }
  }
  fs.writeFileSync(file, JSON.stringify({ name, version: sets[0].version, answers }));
  console.log(Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", "));
  process.exitCode = counts.failed ? 1 : 0;
}

if (process.argv.includes("--serve")) serve();
else compare(process.argv[2], process.argv[3]);
