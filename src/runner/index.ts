/**
 * Supervises steps on the CI machine, outside their sandbox: identity token, session, isolation, relay, masking,
 * heartbeat, end. Refuses to run a step less isolated than was asked for.
 * Invariant: the session's token and key live in this process's memory only; the step has no network but the
 * relay's socket, and its output is masked before anyone sees it.
 */
export type { ServerApi } from './api.ts'
export type { SessionGrant, StepActivity } from './api-facts.ts'
export type { HandedBundle } from './api-facts.ts'
export {
  attestationFiles,
  bundleNamesOf,
  plainNamesOf,
  readHanded,
  writeAttestations,
  type AttestationsPlace,
} from './attestations/index.ts'
export { askGateway } from './ask-gateway.ts'
export { createCancellation } from './cancellation.ts'
export type { Cancellation } from './cancellation.ts'
export { fetchIdentityToken } from './ci-token.ts'
export { runJob } from './job.ts'
export type { JobRequest } from './job/job-request.ts'
export type { JobStep, NotRun } from './job/job-step.ts'
export type { AttemptResult, JobResult } from './job/results.ts'
export { refusedJob } from './job/results.ts'
export { junitOf, junitXml } from './job/junit.ts'
export { shellCommand } from './job/shell.ts'
export { endAgent, findAgent, runAgent } from './credentials/index.ts'
export type { Agent } from './credentials/index.ts'
export type { HandedCredential, StepGrant } from './api-facts.ts'
export { createNotices } from './notices.ts'
export type { Notices } from './notices.ts'
export { secretsOfJob } from './job-secrets/index.ts'
export { isSamePlace } from './same-place.ts'
export { createRedactor } from './redactor.ts'
export type { Redactor } from './redactor.ts'
export {
  findEngine,
  findHolder,
  isolationAdvice,
  notStartedExitCode,
  probeIsolation,
} from './sandbox/index.ts'
export type { StepRequest, StepResult } from './step-request.ts'
export { allowedTools, allowedWorkspace, findTools } from './workspace/index.ts'
