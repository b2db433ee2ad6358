import type { Clock, EventType, InstanceKey, NewEvent } from '@p2p-playground/core'

/** An event of this node about an instance. */
export function instanceEvent(
  clock: Clock,
  type: EventType,
  key: InstanceKey,
  what: Pick<NewEvent, 'message'> & Partial<Pick<NewEvent, 'code' | 'by'>>,
): NewEvent {
  return {
    timeMs: clock.now(),
    type,
    app: key.app,
    version: key.version,
    code: null,
    by: null,
    ...what,
  }
}
