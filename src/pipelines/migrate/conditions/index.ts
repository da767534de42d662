/**
 * Conditions of pipelines, held against runs that a role may trust. What is not surely understood never makes a role trust more: a run
 * is trusted only where its condition may hold for each ref of it. What no token says (an output, a variable) may be either.
 */
export {
  common,
  covers,
  leaf,
  leavesOf,
  narrowedTo,
  outcomeAt,
  untoldLeaf,
  type Condition,
  type Leaf,
  type Run,
} from './condition.ts'
export { conditionOf, notUnderstood } from './split.ts'
export { textPattern } from './text-pattern.ts'
export {
  beginsWith,
  either,
  fails,
  holds,
  unsure,
  endsWith,
  exact,
  includes,
  isEqual,
  isSaid,
  not,
  unknown,
  untold,
  wordsOf,
  type Outcome,
  type Words,
} from './words.ts'
