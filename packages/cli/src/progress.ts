/** Shows a bar while `work` runs, where a person looks; nothing elsewhere. */
export async function withProgress<Result>(
  title: string,
  quiet: boolean,
  work: (onProgress: (doneBytes: number, totalBytes: number) => void) => Promise<Result>,
): Promise<Result> {
  if (quiet || !process.stderr.isTTY) return work(() => undefined)
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar({
    format: `${title} [{bar}] {percentage}%`,
    clearOnComplete: true,
    hideCursor: true,
  })
  bar.start(1, 0)
  try {
    return await work((doneBytes, totalBytes) => {
      bar.setTotal(Math.max(totalBytes, 1))
      bar.update(doneBytes)
    })
  } finally {
    bar.stop()
  }
}
