/**
 * The folder that a step may write to, as the supervisor meets it: hostile. Which folders may be one, who else runs in it,
 * what was left in it that a step must not see, and how a file in it is read.
 */
export { allowedTools, allowedWorkspace, isWithin } from './allowed.ts'
export { findTools, type AutoTools } from './auto-tools.ts'
export { inFolder, isAbsent, openFolder, openIn, pathOf } from './descend.ts'
export { refuseForeignPrograms } from './foreign-programs.ts'
export { isClosedToOthers } from './closed.ts'
export { findFiles } from './find-files.ts'
export { existsInside, readInside, removeInside } from './inside.ts'
export { linkInside, putInside } from './put-inside.ts'
export { createJobWorkspaces } from './job-workspaces.ts'
export type { JobWorkspaces, StepWorkspace, WorkspaceKind } from './job-workspaces.ts'
export { describeLeftovers, findLeftovers } from './leftovers.ts'
export type { Cover } from './leftovers.ts'
export { protectionsOf } from './protections.ts'
export type { Protections } from './protections.ts'
export { removeTree } from './remove-tree.ts'
export { lookThrough, realPath, type Found } from './repositories.ts'
export { openToOwner, refuseUnwritable } from './writable.ts'
