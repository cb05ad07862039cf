import path from 'node:path';

/**
 * The virtual Pi's machine: full emulation, so that it runs wherever QEMU does.
 * `run` is the guest's program, commas for blanks. `no_timer_check`: on a busy machine the kernel's test of its timer would
 * take an emulated one for broken, and panic. `monitor` is a socket for QEMU's own commands (QMP).
 */
export function qemuArguments(images, run, data = 'data.img', monitor = undefined) {
  const file = (name) => path.join(images, name);
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1536'],
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', file('kernel'), '-initrd', file('initrd.gz')],
    ...['-append', `console=ttyS0 quiet panic=-1 no_timer_check redbutton.run=${run}`],
    // The root disk is as built each time; the data disk keeps what the guest has flushed.
    ...['-drive', `file=${file('root.img')},if=virtio,format=raw,snapshot=on`],
    ...(monitor === undefined ? [] : ['-qmp', `unix:${monitor},server=on,wait=off`]),
    ...['-drive', `file=${file(data)},if=virtio,format=raw,cache=writeback`],
  ];
}
