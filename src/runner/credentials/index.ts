/**
 * Credentials that the step itself is handed: fetched right before its command begins, masked before they are anywhere, files in
 * memory alone and replaced before they end. Never in a workspace, an output, an artifact or a cache.
 * Invariant: when the step has ended nothing of them is left on the machine; after a kill, when Mayfly starts the next time.
 */
export { isPlanted, takeCredentials } from './step-credentials.ts'
export type { StepCredentials } from './step-credentials.ts'
export { endAgent, findAgent } from './ask-agent.ts'
export type { Agent, AgentPlace } from './ask-agent.ts'
export { runAgent } from './agent.ts'
