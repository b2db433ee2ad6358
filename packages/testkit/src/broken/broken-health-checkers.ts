import type { HealthResult, HealthTarget, PluginLifecycle, Schema } from '@p2p-playground/core'
import type { HealthCheckerSetup } from '../contracts/health-checker-contract.js'
import { FakeHealthChecker } from '../fakes/fake-health-checker.js'
import type { FakeSpec } from '../fakes/fake-health-checker.js'
import { fakeHealthCheckerSetup } from '../fakes/fake-setups.js'
import type { BrokenPlugin } from './broken-plugin.js'
import { withFaultyLifecycles } from './faulty-lifecycles.js'

type Target = HealthTarget<FakeSpec>

class ThrowsForSick extends FakeHealthChecker {
  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    const result = await super.check(target, signal)
    if (!result.healthy && !signal.aborted) throw new Error(result.detail)
    return result
  }
}

class GivesNoReason extends FakeHealthChecker {
  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    const result = await super.check(target, signal)
    return result.healthy ? result : { healthy: false, detail: '' }
  }
}

class RemembersTheFirst extends FakeHealthChecker {
  #first: HealthResult | undefined

  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    this.#first ??= await super.check(target, signal)
    return this.#first
  }
}

class MixesChecksUp extends FakeHealthChecker {
  #target: Target | undefined

  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    this.#target = target
    await Promise.resolve()
    return super.check(this.#target, signal)
  }
}

class SharesItsEnd extends FakeHealthChecker {
  static isClosed = false

  async open(): Promise<void> {
    SharesItsEnd.isClosed = false
    return Promise.resolve()
  }

  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    if (SharesItsEnd.isClosed) return { healthy: false, detail: 'closed' }
    return super.check(target, signal)
  }

  async close(): Promise<void> {
    SharesItsEnd.isClosed = true
    return Promise.resolve()
  }
}

class TiresOfTheApp extends FakeHealthChecker {
  #looks = 0

  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    this.#looks += 1
    if (this.#looks > 2) return { healthy: false, detail: 'enough' }
    return super.check(target, signal)
  }
}

class HangsWhenAborted extends FakeHealthChecker {
  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    if (signal.aborted) await Promise.withResolvers<undefined>().promise
    return super.check(target, signal)
  }
}

class HangsAfterClose extends FakeHealthChecker {
  #isClosed = false

  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    if (this.#isClosed) await Promise.withResolvers<undefined>().promise
    return super.check(target, signal)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    return Promise.resolve()
  }
}

class NeverTimesOut extends FakeHealthChecker {
  override async check(target: Target): Promise<HealthResult> {
    return super.check(target, new AbortController().signal)
  }
}

class TakesSilenceForHealth extends FakeHealthChecker {
  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    const result = await super.check(target, signal)
    return signal.aborted ? { healthy: true } : result
  }
}

class ChangesTheTarget extends FakeHealthChecker {
  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    Object.assign(target.ports, { checked: 1 })
    return super.check(target, signal)
  }
}

class AnswersWithAnError extends FakeHealthChecker {
  override async check(target: Target, signal: AbortSignal): Promise<HealthResult> {
    const result = await super.check(target, signal)
    return result.healthy ? result : Object.assign(result, { cause: new Error(result.detail) })
  }
}

class HasAnotherSpec extends FakeHealthChecker {
  override readonly spec: Schema<FakeSpec>

  constructor(validate: (value: unknown) => boolean) {
    super()
    this.spec = {
      '~standard': {
        version: 1,
        vendor: 'testkit',
        validate: (value) =>
          validate(value) ? { value: value as FakeSpec } : { issues: [{ message: 'no' }] },
      },
    }
  }
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null
const hasGoodAnswer = (value: object): boolean =>
  !('answer' in value) || typeof value.answer === 'string'

const isSpec = (value: object): boolean =>
  Object.keys(value).every((key) => key === 'answer') && hasGoodAnswer(value)

const TIMES_OUT = 'ends at its time-out when no answer comes, and does not call that healthy'
const PLAIN = 'answers with plain data, and leaves the target as it is'
const APART = 'keeps checks apart that run at once'
const INSTANCES = 'keeps instances apart'
const SICK = 'finds a sick app unhealthy, says why, and does not throw'
const ANEW = 'looks anew each time'

const broken = (
  fault: string,
  make: () => FakeHealthChecker & PluginLifecycle,
  breaks: readonly string[],
  says: RegExp,
): BrokenPlugin<HealthCheckerSetup> => ({
  fault,
  breaks,
  says,
  setup: fakeHealthCheckerSetup(make),
})

export const BROKEN_HEALTH_CHECKERS: readonly BrokenPlugin<HealthCheckerSetup>[] = [
  broken(
    'throws when the app is sick',
    () => new ThrowsForSick(),
    [SICK, ANEW, PLAIN, APART, INSTANCES],
    /a test said so/,
  ),
  broken('does not say why the app is sick', () => new GivesNoReason(), [SICK], /detail: ''/),
  broken(
    'remembers its first answer',
    () => new RemembersTheFirst(),
    [ANEW, INSTANCES],
    /true, true, true/,
  ),
  broken('keeps the target of a check in the instance', () => new MixesChecksUp(), [APART], /true/),
  broken('keeps its state outside of the instance', () => new SharesItsEnd(), [INSTANCES], /true/),
  broken(
    'does not heed the time-out',
    () => new NeverTimesOut(),
    [TIMES_OUT],
    /a check past its time-out took longer/,
  ),
  broken(
    'takes a time-out for health',
    () => new TakesSilenceForHealth(),
    [TIMES_OUT],
    /healthy: true/,
  ),
  broken('changes the target', () => new ChangesTheTarget(), [PLAIN], /checked/),
  broken('answers with more than plain data', () => new AnswersWithAnError(), [PLAIN], /cause/),
  broken(
    'takes keys that it does not know',
    () => new HasAnotherSpec((value) => isMap(value) && hasGoodAnswer(value)),
    ['refuses a key that it does not know'],
    /\{\}/,
  ),
  broken(
    'takes a value of the wrong type',
    () =>
      new HasAnotherSpec(
        (value) => isMap(value) && Object.keys(value).every((key) => key === 'answer'),
      ),
    ['refuses the spec {"answer":1}'],
    /it was taken/,
  ),
  broken(
    'throws at a spec that is no map',
    () =>
      new HasAnotherSpec(
        (value) =>
          Object.keys(value as object).every((key) => key === 'answer') &&
          hasGoodAnswer(value as object),
      ),
    ['refuses the spec null'],
    /null/,
  ),
  broken(
    'refuses what it needs',
    () => new HasAnotherSpec((value) => isMap(value) && Object.keys(value).length === 0),
    ['takes the spec {"answer":"yes"}'],
    /undefined/,
  ),
  broken(
    'wants more than it needs',
    () => new HasAnotherSpec((value) => isMap(value) && 'answer' in value && isSpec(value)),
    ['takes the spec {}'],
    /undefined/,
  ),
  broken(
    'finds an app well twice at most',
    () => new TiresOfTheApp(),
    ['finds a well app healthy, again and again', ANEW, APART],
    /enough/,
  ),
  broken(
    'hangs when it is aborted before it begins',
    () => new HangsWhenAborted(),
    ['ends at once when it is aborted'],
    /aborted before took longer/,
  ),
  broken(
    'hangs after close',
    () => new HangsAfterClose(),
    ['ends a check that comes after close'],
    /a check after close took longer/,
  ),
  ...withFaultyLifecycles((wrap) => fakeHealthCheckerSetup(() => wrap(new FakeHealthChecker()))),
]
