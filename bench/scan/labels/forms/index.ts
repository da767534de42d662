import { around } from './around.ts'
import { code } from './code.ts'
import { settings } from './settings.ts'

export const forms = [...settings, ...code, ...around]
