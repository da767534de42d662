/** Of this program, as `mayfly --version` and the audit log say it. */
export const version = '0.1.0'
