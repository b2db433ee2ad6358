import type { RuntimeSetup } from '../contracts/runtime-contract.js'
import { fakeRuntimeSetup } from '../fakes/fake-setups.js'
import { InMemoryRuntime } from '../fakes/in-memory-runtime.js'
import type { BrokenPlugin } from './broken-plugin.js'
import { withFaultyLifecycles } from './faulty-lifecycles.js'
import {
  CountsWhatIsGone,
  EndsWithZero,
  ForgetsHowItEnded,
  GivesMoreThanJson,
  IgnoresTheBoot,
  KillsAtClose,
  KillsWhenAWaitIsAborted,
  KnowsOnlyFailures,
  LeavesTheAborted,
  LeavesTheStubborn,
  OverwritesTheOutput,
  RunsOne,
  SaysNoReason,
  SplitsArguments,
  StartsAsTheDaemon,
  StartsThoughAborted,
  StartsWithoutTheSandbox,
  StopsOneAtATime,
  TakesAnyPid,
  TellsAnotherHandle,
  TellsOneWaiter,
  TellsTheHandleLate,
  ThrowsAnyError,
  ThrowsAtASecondStop,
  WaitsThroughAborts,
} from './faulty-runtimes.js'

const broken = (
  fault: string,
  make: (before?: InMemoryRuntime) => InMemoryRuntime,
  breaks: readonly string[],
  says: RegExp,
): BrokenPlugin<RuntimeSetup> => ({ fault, breaks, says, setup: fakeRuntimeSetup(make) })

export const BROKEN_RUNTIMES: readonly BrokenPlugin<RuntimeSetup>[] = [
  broken(
    'takes any process with the number for the program',
    (before) => new TakesAnyPid(before),
    ['does not take another process for the program'],
    /false/,
  ),
  broken(
    'stops a program of this boot by a handle of another',
    (before) => new IgnoresTheBoot(before),
    ['knows that a program of another boot is gone, and harms nobody with its number'],
    /true/,
  ),
  broken(
    'knows nothing of the programs of the daemon before',
    () => new InMemoryRuntime(),
    [
      'takes a program over in the next daemon, and stops it there',
      'keeps programs apart that run at once',
      'lets programs go on when it is closed',
      'knows the exit code in the next daemon, though nobody waited',
      'tells the end to each who waits, also after it',
    ],
    /false/,
  ),
  broken(
    'throws at a second stop',
    (before) => new ThrowsAtASecondStop(before),
    ['stops twice without harm, and knows the end each time'],
    /stopped already/,
  ),
  broken(
    'forgets how a program ended that it stops late',
    (before) => new ForgetsHowItEnded(before),
    ['keeps the exit code of what is stopped after its end'],
    /exited/,
  ),
  broken(
    'stops one at a time',
    (before) => new StopsOneAtATime(before),
    ['stops once for several who ask at the same time'],
    /under way/,
  ),
  broken(
    'leaves a program that lets SIGTERM pass',
    (before) => new LeavesTheStubborn(before),
    ['kills a program that lets SIGTERM pass, after the grace'],
    /SIGKILL/,
  ),
  broken(
    'gives a handle that is more than JSON',
    (before) => new GivesMoreThanJson(before),
    ['gives a handle that is plain JSON'],
    /1970/,
  ),
  broken(
    'does not heed the abort of a wait',
    (before) => new WaitsThroughAborts(before),
    ['ends a wait when the signal aborts, and the program goes on'],
    /took longer/,
  ),
  broken(
    'kills the program when a wait is aborted',
    (before) => new KillsWhenAWaitIsAborted(before),
    ['ends a wait when the signal aborts, and the program goes on'],
    /.*/,
  ),
  broken(
    'tells the end to one who waits',
    (before) => new TellsOneWaiter(before),
    [
      'tells the end to each who waits, also after it',
      'ends a wait when the signal aborts, and the program goes on',
    ],
    /waits already/,
  ),
  broken(
    'tells the handle when the program has begun',
    (before) => new TellsTheHandleLate(before),
    ['begins nothing when the handle cannot be written down'],
    /false/,
  ),
  broken(
    'tells another handle than it gives',
    (before) => new TellsAnotherHandle(before),
    ['tells the handle before the program begins, and gives the same'],
    /early/,
  ),
  broken(
    'takes every end for success',
    (before) => new EndsWithZero(before),
    [
      'knows the exit code 3',
      'runs a program below a directory with spaces and other letters',
      'knows the exit code in the next daemon, though nobody waited',
      'keeps the exit code of what is stopped after its end',
    ],
    /code: 0/,
  ),
  broken(
    'kills its programs at close',
    (before) => new KillsAtClose(before),
    ['lets programs go on when it is closed'],
    /true/,
  ),
  broken(
    'throws any error for a program that is not there',
    (before) => new ThrowsAnyError(before),
    ['refuses a program that is not there with RUNTIME_SPAWN'],
    /RUNTIME_SPAWN/,
  ),
  broken(
    'starts without the sandbox that is required',
    (before) => new StartsWithoutTheSandbox(before),
    ['starts in a sandbox that is required, or refuses with RUNTIME_SANDBOX'],
    /resolved/,
  ),
  broken(
    'starts as the user of the daemon, whomever it is told',
    (before) => new StartsAsTheDaemon(before),
    ['starts as the user that is named, or refuses with RUNTIME_USER'],
    /resolved/,
  ),
  broken(
    'starts though it is aborted',
    (before) => new StartsThoughAborted(before),
    ['starts nothing once the signal has aborted'],
    /resolved/,
  ),
  broken(
    'leaves a program whose start it calls failed',
    (before) => new LeavesTheAborted(before),
    ['leaves nothing of a start that fails because it is aborted in the middle'],
    /false/,
  ),
  broken(
    'splits arguments at spaces',
    (before) => new SplitsArguments(before),
    ['gives a program its arguments as they are, and appends what it writes'],
    /a b/,
  ),
  broken(
    'overwrites what was written before',
    (before) => new OverwritesTheOutput(before),
    ['gives a program its arguments as they are, and appends what it writes'],
    /before/,
  ),
  broken(
    'counts processes that are gone',
    (before) => new CountsWhatIsGone(before),
    ['starts, reports usage, and stops', 'begins nothing when the handle cannot be written down'],
    /expected 1 to be/,
  ),
  broken(
    'runs one program',
    (before) => new RunsOne(before),
    ['keeps programs apart that run at once'],
    /false/,
  ),
  broken(
    'does not say why it sets no limit',
    (before) => new SaysNoReason(before),
    ['says for each limit what enforces it, or why nothing does'],
    /match/,
  ),
  broken(
    'knows only failures',
    (before) => new KnowsOnlyFailures(before),
    [
      'knows the exit code 0',
      'gives a program its arguments as they are, and appends what it writes',
    ],
    /there was no error/,
  ),
  ...withFaultyLifecycles((wrap) =>
    fakeRuntimeSetup((before) => wrap(new InMemoryRuntime(before))),
  ),
]
