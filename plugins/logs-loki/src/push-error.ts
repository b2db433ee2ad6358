import { PlaygroundError, sinkErrorOfStatus } from '@p2p-playground/core'
import type { PushAnswer } from './push-client.js'

/** What Loki says with 400 that no other batch would change either: pattern, what to do. */
const SETTINGS: readonly (readonly [RegExp, string])[] = [
  [
    /structured metadata, but this feature is disallowed/,
    'Set limits_config.allow_structured_metadata in Loki, or "metadata: line" for the sink.',
  ],
  [/missing required labels/, 'Set the labels that Loki enforces as "labels" of the sink.'],
]

/** True for success: Loki answers 204, others that speak its API 200. (260 is "blocked", and nothing is stored.) */
export function isStored({ status }: PushAnswer): boolean {
  return status === 200 || status === 204
}

/** Lines were refused only because their stream holds newer ones. Loki before 2.4 called that out of order. */
export function isTooLate({ status, text }: PushAnswer): boolean {
  return status === 400 && /entry too far behind|entry out of order/.test(text)
}

/** What the sink throws for an answer. */
export function pushError(
  { status, retryAfter, text }: PushAnswer,
  nowMs: number,
): PlaygroundError {
  const hint = status === 400 ? SETTINGS.find(([pattern]) => pattern.test(text))?.[1] : undefined
  if (hint !== undefined) {
    return new PlaygroundError('SINK_DENIED', `the far side answered 400: ${text}`, { hint })
  }
  return sinkErrorOfStatus({ status, retryAfter, reason: text, nowMs })
}
