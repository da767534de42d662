export { makeOwnFolder, sweepOwnFolders } from './own-folder.ts'
export {
  aptConfigInside,
  caBundleInside,
  caInside,
  homeInside,
  scriptInside,
  settingsInside,
} from './inside.ts'
export {
  findHolder,
  fullTexts,
  likelyTexts,
  limitsOf,
  passedText,
  unheldText,
  watchLimits,
  processesBelow,
} from './limits/index.ts'
export type { HeldBy, LimitName, RoleLimits, StepLimits } from './limits/index.ts'
export { startContainer } from './container.ts'
export { findEngine } from './engine.ts'
export { javaTrustFiles } from './java-trust.ts'
export { isolationAdvice } from './machine.ts'
export { probeIsolation } from './probe.ts'
export type { Probe } from './way.ts'
export { notStartedExitCode, startSandbox } from './sandbox.ts'
export type { Running } from './running.ts'
export type { Sandbox, SandboxRequest } from './sandbox.ts'
export { endOf, openStreams } from './streams.ts'
export type { StepUsage } from './usage.ts'
