// Parses an AsyncAPI document and tells what the parser finds as JSON lines: node asyncapi.mjs DOCUMENT.
// The parser is resolved from the working directory. It does not look into Avro schemas, with its
// reader of them neither (3.6.3); tests/contract proves that they are those that fastavro reads.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const installed = createRequire(`${process.cwd()}/`);
const { Parser } = installed("@asyncapi/parser");

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
for (const { code, path, message } of diagnostics) {
  console.log(JSON.stringify({ code, path: path.join("."), message }));
}
process.exitCode = document && diagnostics.length === 0 ? 0 : 1;
