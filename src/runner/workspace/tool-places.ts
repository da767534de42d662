/**
 * Where developers and CI images keep tools in a home, or where a variable says. Only the named parts are shown to a step:
 * the rest of such a folder are caches, and logins (`.cargo/credentials.toml`).
 */
export interface ToolPlace {
  /** Says where it is, if the job has it; a step is told, too. */
  readonly variable?: string
  /** Relative to the home, where no variable says. */
  readonly home?: string
  /** Where it is on every machine that has it. */
  readonly path?: string
  /** Folders in it; all of it if left out. */
  readonly parts?: readonly string[]
}

export const toolPlaces: readonly ToolPlace[] = [
  { home: '.local/bin' },
  { home: '.local/pipx' },
  { home: '.local/share/pipx' },
  { home: '.local/share/uv/tools' },
  { home: '.local/share/uv/python' },
  { home: '.cargo', parts: ['bin'] },
  { variable: 'RUSTUP_HOME', home: '.rustup' },
  { variable: 'GOROOT' },
  { home: 'go', parts: ['bin'] },
  { variable: 'PYENV_ROOT', home: '.pyenv' },
  { variable: 'RBENV_ROOT', home: '.rbenv' },
  { home: '.rvm' },
  { variable: 'NVM_DIR', home: '.nvm' },
  { variable: 'VOLTA_HOME', home: '.volta' },
  { variable: 'FNM_DIR', home: '.local/share/fnm' },
  { variable: 'ASDF_DATA_DIR', home: '.asdf' },
  { variable: 'MISE_DATA_DIR', home: '.local/share/mise' },
  { variable: 'SDKMAN_DIR', home: '.sdkman' },
  { variable: 'DENO_INSTALL', home: '.deno', parts: ['bin'] },
  { variable: 'BUN_INSTALL', home: '.bun', parts: ['bin'] },
  { variable: 'PNPM_HOME', home: '.local/share/pnpm' },
  { variable: 'DOTNET_ROOT', home: '.dotnet' },
  { variable: 'JAVA_HOME' },
  { variable: 'ANDROID_HOME' },
  { variable: 'RUNNER_TOOL_CACHE' },
  { variable: 'AGENT_TOOLSDIRECTORY' },
  { path: '/home/linuxbrew/.linuxbrew' },
  { path: '/snap' },
  { home: '.ghcup' },
  { home: '.juliaup' },
  { home: '.opam' },
  { home: '.composer/vendor' },
  { home: '.config/composer/vendor' },
]
