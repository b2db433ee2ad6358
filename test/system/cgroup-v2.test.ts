import { expect, test } from 'vitest'
import { runInUml, whyNoUml } from '../harness/uml.js'

/** The tests of the runtime "cgroups" once more, where cgroup v2 has all controllers whatever this machine has. */
const why = whyNoUml()
if (why !== undefined) process.stderr.write(`cgroup v2 in a guest: left out, ${why}\n`)

const TESTS = ['cgroups-runtime', 'delegated'].map(
  (name) => `plugins/runtime-cgroups/src/${name}.test.ts`,
)

test.skipIf(why !== undefined)(
  'the runtime "cgroups" keeps its promises on cgroup v2',
  async () => {
    const vitest = ['vitest', 'run', '--configLoader', 'runner', '--project', 'unit', ...TESTS]
    const guest = { memoryMb: 1536, limitMs: 110_000 }
    // Everything takes some ten times longer there than where the tests' limits were chosen.
    const options = ['--reporter=verbose', '--retry=1']
    const { code, output } = await runInUml([...vitest, ...options], guest)
    if (code !== 0) throw new Error(`exit ${String(code)} in the guest:\n${output}`)
    expect(output).toMatch(/✓.*takes more memory than its limit/)
    expect(output).toMatch(/✓.*delegated/)
  },
)
