/**
 * What a step may use up, who holds it to that, and how it is told: by a control group of its own where one can be made, by the
 * limits of each process (setrlimit(2)) and by looking where not.
 * Invariant: a step that reached a limit is ended and told which one; nothing made for that outlives the step, or the next
 * start of Mayfly.
 */
export { fullTexts, likelyTexts } from './likely.ts'
export { limitsOf, passedText, unheldText } from './limits.ts'
export type { LimitName, RoleLimits, StepLimits } from './limits.ts'
export { findHolder, holdStep } from './hold.ts'
export type { HeldBy, Hold } from './hold.ts'
export type { Places } from './places.ts'
export { memoryFolderBytes, processLimits } from './process-limits.ts'
export type { ProcessLimit } from './process-limits.ts'
export { processesBelow } from './tree-usage.ts'
export { watchLimits } from './watch.ts'
export type { LimitWatch } from './watch.ts'
