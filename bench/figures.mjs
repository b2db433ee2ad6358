// Numbers and tables.

export function median(values) {
  return percentile(values, 50)
}

/** Nearest-rank percentile. */
export function percentile(values, rank) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)]
}

/** Prints a Markdown table, ready for bench/README.md. */
export function printTable(head, rows) {
  const all = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  console.log(line(head))
  console.log(`| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`)
  for (const row of all.slice(1)) console.log(line(row))
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`
}

export function millis(ms) {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
}

export function mib(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Milliseconds that `run` takes, and what it gives. */
export async function timed(run) {
  const begun = performance.now()
  const value = await run()
  return { ms: performance.now() - begun, value }
}
