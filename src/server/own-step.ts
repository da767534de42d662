import type { Broker, Step } from '../broker/index.ts'
import type { EndNotices } from './end-notices.ts'
import type { Call } from './route.ts'

/** The step that calls, by its own token. Throws how it ended, for whoever holds that token, and for others that there is none. */
export function ownStep({ broker, notices }: { broker: Broker; notices: EndNotices }, call: Call): Step {
  const step = call.access?.step === undefined ? undefined : broker.step(call.access.step)
  const isOwn = call.access?.step === call.params['id']
  if (step === undefined || !isOwn) throw notices.ofStep(isOwn ? call.access?.step : undefined)
  return step
}
