/**
 * The folder that a step may write to, as the supervisor meets it: hostile. Which folders may be one, who else runs in it,
 * what was left in it that a step must not see, and how a file in it is read.
 */
export { allowedTools, allowedWorkspace, isWithin } from './allowed.ts'
export { findTools, type AutoTools } from './auto-tools.ts'
export { existsInside, readInside, removeInside, replaceInside } from './inside.ts'
export { lockWorkspaces } from './lock.ts'
export { describeLeftovers, findLeftovers } from './leftovers.ts'
export type { Cover } from './leftovers.ts'
export { removeTree } from './remove-tree.ts'
export { lookThrough, realPath, type Found } from './repositories.ts'
