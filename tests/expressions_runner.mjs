// Answers one question per line with the evaluator named on the command line.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { evaluate } = await import(pathToFileURL(process.argv[2]).href);
for await (const line of createInterface({ input: process.stdin })) {
  const { compiled, facts, rules } = JSON.parse(line);
  let answer;
  try {
    answer = evaluate(compiled, facts, rules);
  } catch (error) {
    answer = { crash: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
