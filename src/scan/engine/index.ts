/**
 * Finds secrets in bytes by rules: keywords first, then what stands around each. Reads any bytes in time that grows with their number
 * alone, whatever the rules: patterns are followed by automata, which look at each byte once, so none has to be refused for being
 * ambiguous. Refuses patterns that no automaton can follow (backreferences, lookaround) when the rules are read. Knows nothing of
 * files, and of lines.
 */
export { compileRules, type EngineOptions } from './engine.ts'
export { compileExpression, type Expression } from './expression.ts'
export type { Check, CheckName, Engine, Finder, FinderName, Hit, Rule } from './model.ts'
export { keywordsOfPattern } from './rule.ts'
export { outlineOf, type Outline } from './outline.ts'
export { searchStream, type StreamSearch } from './stream.ts'
export { worstTexts } from './worst.ts'
