/** One input line. `level` is the electrical level. */
export interface InputLine {
  /** Reads the level now. Throws when the line cannot be read, which counts as a press. */
  read(): 0 | 1;
  /** Calls back on each edge; errors of the edge source count as a press too. */
  onEdge(callback: (error: Error | null, level: 0 | 1) => void): void;
  /**
   * Lets a thread of its own look at the level every `periodMs`, which wakes us only when it is not what it was at the
   * last look (the first one always tells), or cannot be read. Absent where the bank has no such thread: then whoever
   * holds the line looks that often himself.
   */
  lookEvery?(periodMs: number, callback: (error: Error | null, level: 0 | 1) => void): void;
  /**
   * Whether the level changed, if only for a moment, since a process before this one last acted on a change. Of a line that
   * was asked for as `kept` and found so. To be asked before `onEdge`, from which on changes are told there.
   */
  moved?(): boolean;
  close(): void;
  /**
   * Lets go of a `kept` line at the end of the process, whose changes from now on are for the process that follows. Absent
   * where nothing keeps it.
   */
  leave?(): void;
}

export interface OutputLine {
  write(level: 0 | 1): void;
  close(): void;
}

export interface Gpio {
  readonly backend: string;
  /** `kept`: the line outlives this process where the system has a way for it, so that no change between two is missed. */
  input(line: number, kept?: boolean): Promise<InputLine>;
  output(line: number): Promise<OutputLine>;
}
