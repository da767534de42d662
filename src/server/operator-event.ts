import type { AuditEvent } from '../audit/client/index.ts'
import { recordedOperator } from '../operators/index.ts'
import type { Call } from './route.ts'

/** The entry of what an operator did: who, by which token, under which request id. */
export function operatorEvent(call: Call, type: string, data: Record<string, unknown>): AuditEvent {
  const by = recordedOperator(call.operator)
  return { type, data: { request: call.requestId, by, token: call.operator?.id, ...data } }
}
