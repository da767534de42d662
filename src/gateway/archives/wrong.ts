import { MayflyError } from '../../lib/index.ts'

/** Said of an archive that readers do not agree on. */
export const wrong = (why: string) => new MayflyError('bad_input', why)
